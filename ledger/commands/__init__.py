"""What can be asked of the ledger: one value per command, by what it is about."""

from ledger.commands.base import (
    Command,
    Needs,
    Quantity,
    merged,
)
from ledger.commands.documents import (
    DocumentCommand,
    Inspect,
    InspectedUnits,
    ReceiveTransfer,
    SendTransfer,
    Ship,
    TakeBack,
)
from ledger.commands.payments import (
    DoubtCapture,
    FailPaymentOperation,
    RecordPayment,
    SeenPayment,
    StartPaymentOperation,
)
from ledger.commands.refunds import (
    RecordRefund,
    StartRefund,
)
from ledger.commands.reservations import (
    CancelOrder,
    Confirm,
    Expire,
    Extend,
    Fence,
    OpenCheckout,
    Reacquire,
    Release,
    ReservationCommand,
    Reserve,
)
from ledger.commands.stock import (
    Adjust,
    AdjustmentKind,
    ChangePause,
    Receive,
    Research,
    Resolve,
    SetFeedBuffer,
    SetSafetyStock,
)

__all__ = [
    "Adjust",
    "AdjustmentKind",
    "CancelOrder",
    "ChangePause",
    "Command",
    "Confirm",
    "DocumentCommand",
    "DoubtCapture",
    "Expire",
    "Extend",
    "FailPaymentOperation",
    "Fence",
    "Inspect",
    "InspectedUnits",
    "Needs",
    "OpenCheckout",
    "Quantity",
    "Reacquire",
    "Receive",
    "ReceiveTransfer",
    "RecordPayment",
    "RecordRefund",
    "Release",
    "Research",
    "ReservationCommand",
    "Reserve",
    "Resolve",
    "SeenPayment",
    "SendTransfer",
    "SetFeedBuffer",
    "SetSafetyStock",
    "Ship",
    "StartPaymentOperation",
    "StartRefund",
    "TakeBack",
    "merged",
]
