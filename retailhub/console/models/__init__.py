"""Tables of the console: permissions of acts, samples of the figures that Home shows, their targets, notices."""

from retailhub.console.models.acts import ACTS, ActPermission
from retailhub.console.models.figures import FigureSample, FigureTarget
from retailhub.console.models.notices import Notice, NoticeRule, NoticeTold

__all__ = ["ACTS", "ActPermission", "FigureSample", "FigureTarget", "Notice", "NoticeRule", "NoticeTold"]
