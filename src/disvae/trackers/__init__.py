"""Records of trainings elsewhere: TensorBoard, Weights & Biases, Trackio, MLflow, your own."""
