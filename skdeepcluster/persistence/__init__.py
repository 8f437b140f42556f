"""Keep a fitted estimator: files without code, and ONNX."""

from skdeepcluster.persistence._onnx import to_onnx
from skdeepcluster.persistence._save import load, save

__all__ = ["load", "save", "to_onnx"]
