AUC = 0.7
