"""Decision science: frames and dataclasses in and out, no orchestration, no input or output of its own but MLflow's (`ml.tracking`)."""
