"""The benchmark's parts. Standard library only; what they measure runs in processes of its own."""
