"""The same load for Locust: its faster client, no waits, one request per task."""

from locust import FastHttpUser, constant, task


class OneLine(FastHttpUser):
    wait_time = constant(0)

    @task
    def get(self):
        self.client.get("/")
