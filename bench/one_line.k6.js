// The same load for k6: no waits, one request per iteration, connections kept.
import http from "k6/http";

export default function () {
  http.get(__ENV.URL);
}
