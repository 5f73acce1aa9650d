"""What uploads under way may take on the disk: claimed before, shared by callers, given back in the
end.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from stepzero_rnn.errors import ArraysTooLarge, Busy
from stepzero_rnn.uploads.disk_budget import DiskBudget


class TestADiskBudget:
    def test_is_what_all_uploads_together_may_take(self) -> None:
        disk = DiskBudget(100)
        with disk.opened("alice") as one, disk.opened("bob") as other:
            one.more(body_bytes=60)
            other.more(body_bytes=40)
            with pytest.raises(Busy) as refusal:
                other.more(body_bytes=1)

            assert refusal.value.headers == {"Retry-After": "10"}
            assert disk.held_bytes == 100
        assert disk.held_bytes == 0

    def test_is_never_more_than_all_of_it(self) -> None:
        with DiskBudget(100).opened("alice") as claim:
            claim.more(body_bytes=60)
            with pytest.raises(ArraysTooLarge, match=r"101 bytes.*limit is 100"):
                claim.more(body_bytes=41)

    def test_gives_one_caller_half_however_many_uploads_it_sends(self) -> None:
        disk = DiskBudget(100)
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(disk.opened("alice")).more(body_bytes=10)
            with pytest.raises(Busy, match="the client's other uploads"):
                stack.enter_context(disk.opened("alice")).more(body_bytes=1)
            stack.enter_context(disk.opened("bob")).more(body_bytes=50)

            assert disk.held_bytes == 100

    def test_lets_one_upload_of_a_caller_take_more_while_it_is_worked_on(self) -> None:
        disk = DiskBudget(100)
        with disk.opened("alice") as one, disk.opened("alice") as other:
            one.more(body_bytes=10)
            other.more(body_bytes=10)
            one.more(work_bytes=60)
            with pytest.raises(Busy):
                other.more(work_bytes=20)
            one.end_work()
            other.more(work_bytes=60)

            assert disk.held_bytes == 80

    def test_has_room_again_when_an_upload_ends_however_it_does(self) -> None:
        disk = DiskBudget(100)

        def fail() -> None:
            with disk.opened("alice") as claim:
                claim.more(body_bytes=90)
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        with disk.opened("alice") as claim:
            claim.more(body_bytes=90)

    def test_is_no_limit_unless_one_is_given(self) -> None:
        with DiskBudget().opened("") as claim:
            claim.more(body_bytes=1 << 60)
