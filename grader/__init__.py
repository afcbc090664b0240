"""archgrade: grades PyTorch exercises and concept quizzes, safely and with an explanation."""

__version__ = "0.1.0"
