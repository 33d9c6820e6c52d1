"""What the templates of triage need."""

from __future__ import annotations

from django import template

from reconciliation.selectors.triage import Filter

register = template.Library()


@register.filter
def value_of(chosen: Filter, name: str) -> str:
    """What a filter says about one thing."""
    return str(getattr(chosen, name))
