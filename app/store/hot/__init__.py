"""The few statements that throughput hangs on, one file per database behind `contract.HotStore`."""
