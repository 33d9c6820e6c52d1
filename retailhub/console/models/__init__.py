"""Tables of the console: permissions of acts, samples of the figures that Home shows, their targets, notices,
and the secrets of second factors.
"""

from retailhub.console.models.acts import ACTS, ActPermission
from retailhub.console.models.factors import AuthenticatorApp
from retailhub.console.models.figures import FigureSample, FigureTarget
from retailhub.console.models.notices import Notice, NoticeRule, NoticeTold

__all__ = [
    "ACTS",
    "ActPermission",
    "AuthenticatorApp",
    "FigureSample",
    "FigureTarget",
    "Notice",
    "NoticeRule",
    "NoticeTold",
]
