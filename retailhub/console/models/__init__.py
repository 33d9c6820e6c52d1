"""Tables of the console: permissions of acts, samples of the figures that Home shows, and their targets."""

from retailhub.console.models.acts import ACTS, ActPermission
from retailhub.console.models.figures import FigureSample, FigureTarget

__all__ = ["ACTS", "ActPermission", "FigureSample", "FigureTarget"]
