from lib import score

print(f"auc={score.AUC}")
