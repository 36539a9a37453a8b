"""What every step shares, under the name that this model's steps know it by."""

from monitoring.steps.job import StepError, base_folder, input_folder, output_folder, run, write_json

__all__ = ["StepError", "base_folder", "input_folder", "output_folder", "run", "write_json"]
