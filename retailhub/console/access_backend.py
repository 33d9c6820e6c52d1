"""Who a session belongs to, read together with whether they have a second factor: every page asks for both."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef

from retailhub.console.models import AuthenticatorApp


class PersonBackend(ModelBackend):
    """Django's own, with ``enrolled`` on the person."""

    def get_user(self, user_id: Any) -> User | None:
        factor = AuthenticatorApp.objects.filter(user=OuterRef("pk"), confirmed=True)
        user = User.objects.annotate(enrolled=Exists(factor)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
