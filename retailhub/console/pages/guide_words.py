"""What the first-run guide says of each step: what it is for, who may do it, what can go wrong, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retailhub.core.access import ACTS


@dataclass(frozen=True, kw_only=True)
class Words:
    """Of one step. ``act`` is the permission that it takes."""

    lead: str
    act: str
    wrong: Sequence[str]
    back: str

    @property
    def who(self) -> str:
        """The roles that may do it."""
        return ", ".join(sorted(role.value for role in ACTS[self.act]))


WORDS: Mapping[str, Words] = {
    "erp": Words(
        lead="The ERP is where orders are posted. It is connected switched off: it is tested, and nothing is written.",
        act="connect_system",
        wrong=(
            "The address is wrong, or the ERP does not let our servers in: the test says that it could not be reached.",
            "The user or key is wrong, or lacks rights: the test says that the credentials were refused.",
            "The ERP is in your own network: its address is refused until you allow that for this connection.",
        ),
        back="Nothing has happened in the ERP. Change what is wrong, or leave it switched off.",
    ),
    "store": Words(
        lead="The store is where orders come from. It too is connected switched off, and only tested.",
        act="connect_system",
        wrong=(
            "The key may only read: make another one with the right Read/Write.",
            "A firewall or security plugin stands before the store: the test names it.",
            "The store rounds tax otherwise than is set here: the test says so, and amounts would differ by cents.",
        ),
        back="Nothing has changed in the store. A key that is not used any more can be revoked in WooCommerce.",
    ),
    "route": Words(
        lead="A company books orders, for the region they are sent to, in one ERP. One route is enough at first.",
        act="connect_system",
        wrong=(
            "A country has no route: its orders wait, each with a case, until it has one.",
            "The company's currency is not that of its books: mend it on the page of the legal entity.",
        ),
        back="Routes are changed and removed under Rules, Routes. Orders that wait are decided on again at once.",
    ),
    "skus": Words(
        lead="An order can only be posted when the ERP knows each of its SKUs. Read the ERP's catalogue, then look how "
        "many of the store's SKUs are in it.",
        act="connect_system",
        wrong=(
            "A SKU is written otherwise in the ERP: map it, or correct it in the shop.",
            "Something is sold without a SKU: orders with it wait, each with a case.",
        ),
        back="Reading changes nothing in either system. A mapping can be changed at any time.",
    ),
    "shadow": Words(
        lead="In shadow mode everything is real but the last step: orders come in and are judged, and nothing is "
        "posted or written to the store. Look on until you trust what you see.",
        act="set_connection_mode",
        wrong=(
            "Orders are held: the cases below say why, and who can mend it.",
            "No orders come in: no worker runs, or the store has none yet. Place one in the shop.",
        ),
        back="Switch both off again: what comes in is kept and worked later.",
    ),
    "live": Words(
        lead="Going live posts every order that shadow mode said would be posted, and then each new one.",
        act="set_connection_mode",
        wrong=(
            "The ERP refuses an order: it is parked with a case, and all others go on.",
            "Orders were also entered by hand in the ERP: choose a moment after the last of them to post from.",
        ),
        back="Switch to shadow again: nothing more is posted. Documents that are in the ERP stay there.",
    ),
    "posted": Words(
        lead="The first document in the ERP proves the whole way.",
        act="work_case",
        wrong=("No order that may be posted has come yet, or all are held: Triage says why.",),
        back="Compare it with the order in the shop. If something is wrong, go back to shadow in the step before.",
    ),
}
"""By step."""
