"""Decision science: frames and dataclasses in and out.

No orchestration here, and no input or output but MLflow's, through its one door `ml.tracking`.
"""
