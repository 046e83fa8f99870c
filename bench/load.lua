-- Sends the bodies of a file in turn, and prints one JSON line with what was measured.
local requests = {}
local position = 0

function init(args)
  local path = args[1]
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(path) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %.1f, "p99": %.1f, "bad_status": %d, "socket_errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
