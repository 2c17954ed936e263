"""Progress and cancellation of one request."""

import threading

import pytest

from core.job import Job, JobCancelled, current_job, enter_job

Report = tuple[str, float | None, str | None]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[Report]:
    return []


@pytest.fixture
def job(clock: Clock, told: list[Report]) -> Job:
    return Job("job_1", lambda *report: told.append(report), clock)


def test_progress_in_quick_steps_is_told_ten_times_a_second(
    job: Job, clock: Clock, told: list[Report]
) -> None:
    for step in range(50):
        clock.now = step / 50
        job.progress(step / 100, "generating")
    assert len(told) == 10
    assert told[0] == ("job_1", 0.0, "generating")


def test_a_new_phase_and_the_end_are_told_at_once(job: Job, told: list[Report]) -> None:
    job.progress(0.1, "reading")
    job.progress(0.2, "reading")
    job.progress(0.3, "speaking")
    job.progress(1.0, "speaking")
    assert [fraction for _, fraction, _ in told] == [0.1, 0.3, 1.0]


def test_a_fraction_stays_between_0_and_1_and_may_be_unknown(job: Job, told: list[Report]) -> None:
    job.progress(1.7, "a")
    job.progress(-1.0, "b")
    job.progress(None, "c")
    assert [fraction for _, fraction, _ in told] == [1.0, 0.0, None]


def test_a_request_without_an_id_tells_nothing(clock: Clock, told: list[Report]) -> None:
    Job(None, lambda *report: told.append(report), clock).progress(0.5)
    assert told == []


def test_a_cancelled_job_raises_where_the_work_asks(job: Job) -> None:
    job.raise_if_cancelled()
    job.cancel()
    assert job.cancelled
    with pytest.raises(JobCancelled):
        job.raise_if_cancelled()


def test_outside_of_a_request_the_current_job_is_never_cancelled() -> None:
    current_job().progress(0.5, "nobody hears this")
    assert not current_job().cancelled


def test_another_thread_has_its_own_current_job(job: Job) -> None:
    seen: list[Job] = []

    def work() -> None:
        enter_job(job)
        seen.append(current_job())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [job]
    assert current_job() is not job
