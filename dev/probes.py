"""Questions put to a server to learn whether it serves. None of them raises for "not yet"."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

PATIENCE = timedelta(seconds=3)
INDEXED_VALUE_TYPES = {
    "Text": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}
"""By the names that Temporal's CLI gives them."""


def answers_ok(url: str) -> bool:
    """Tell whether a GET is answered with 200, directly and never through a proxy."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE.total_seconds()) as response:
            return bool(response.status == HTTPStatus.OK)
    except (OSError, HTTPException):  # URLError and HTTPError are OSErrors.
        return False


def serves_namespace(address: str, namespace: str, attributes: Mapping[str, str]) -> bool:
    """Tell whether Temporal serves this namespace with these search attributes, registering missing ones.

    The dev server has an option for it, which is heeded when it makes the namespace and ignored later.
    """
    return _ask(_has_attributes(address, namespace, attributes))


def is_polled(address: str, namespace: str, task_queue: str, *, since: datetime) -> bool:
    """Tell whether some worker has asked this queue for workflow tasks since then."""
    return _ask(_has_poller(address, namespace, task_queue, since))


def _ask(question: Coroutine[object, object, bool]) -> bool:
    # In a thread of its own, since the caller may have an event loop running.
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(_answer, question).result()


def _answer(question: Coroutine[object, object, bool]) -> bool:
    try:
        return asyncio.run(_in_time(question))
    except (RPCError, RuntimeError, TimeoutError):  # The SDK's failed connect is a RuntimeError.
        return False


async def _in_time(question: Coroutine[object, object, bool]) -> bool:
    return await asyncio.wait_for(question, 2 * PATIENCE.total_seconds())


async def _has_attributes(address: str, namespace: str, attributes: Mapping[str, str]) -> bool:
    client = await Client.connect(address, namespace=namespace)
    describe = DescribeNamespaceRequest(namespace=namespace)
    await client.workflow_service.describe_namespace(describe, timeout=PATIENCE)
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace), timeout=PATIENCE
    )
    missing = {
        name: INDEXED_VALUE_TYPES[kind]
        for name, kind in attributes.items()
        if name not in known.custom_attributes
    }
    if missing:
        add = AddSearchAttributesRequest(namespace=namespace, search_attributes=missing)
        await client.operator_service.add_search_attributes(add, timeout=PATIENCE)
    return not missing  # The next look sees them registered.


async def _has_poller(address: str, namespace: str, task_queue: str, since: datetime) -> bool:
    client = await Client.connect(address, namespace=namespace)
    request = DescribeTaskQueueRequest(
        namespace=namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    told = await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)
    seen = (poller.last_access_time.ToDatetime(tzinfo=UTC) for poller in told.pollers)
    return any(moment >= since for moment in seen)
