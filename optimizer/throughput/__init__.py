"""How fast a replica is: measured curves first, a calibrated estimate where there is none."""

from optimizer.throughput.batch import Speeds, speeds
from optimizer.throughput.curve import Question, SpeedCurve
from optimizer.throughput.estimated import prepare_curves
from optimizer.throughput.sources import SOURCES, speed_curve

__all__ = ["SOURCES", "Question", "SpeedCurve", "Speeds", "prepare_curves", "speed_curve", "speeds"]
