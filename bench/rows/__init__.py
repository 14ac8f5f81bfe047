"""The rows, in the order in which they run."""

from bench.row import Row
from bench.rows.batches import BATCHES
from bench.rows.calls import MOST_CALLS
from bench.rows.cold import COLD_START
from bench.rows.crashes import KILL_EVERYTHING, KILL_REDIS
from bench.rows.fan_out import FAN_OUT
from bench.rows.hanging import HANGING
from bench.rows.latency import LATENCY_200, LATENCY_1000
from bench.rows.lifecycle import ANSWER_TOLD, COMPLETED_IDLE, SESSIONS_TOLD
from bench.rows.memory import MEMORY
from bench.rows.processor import PROCESSOR_FAN_OUT, PROCESSOR_SINGLE
from bench.rows.slow_receiver import SLOW_RECEIVER
from bench.rows.triggers import ANSWER_MOST, ANSWER_WARM, DURABLE_STEPS, TRIGGER_IDLE, TRIGGER_MOST
from bench.rows.waiting import WAITING

ROWS: tuple[Row, ...] = (
    LATENCY_200,
    LATENCY_1000,
    MOST_CALLS,
    BATCHES,
    FAN_OUT,
    SLOW_RECEIVER,
    HANGING,
    KILL_REDIS,
    KILL_EVERYTHING,
    PROCESSOR_SINGLE,
    PROCESSOR_FAN_OUT,
    MEMORY,
    TRIGGER_IDLE,
    TRIGGER_MOST,
    ANSWER_WARM,
    ANSWER_MOST,
    DURABLE_STEPS,
    COLD_START,
    WAITING,
    ANSWER_TOLD,
    COMPLETED_IDLE,
    SESSIONS_TOLD,
)
