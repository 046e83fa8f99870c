-- Sends a body in turn with three of them in one query, checks that each answer is of one generation, and prints
-- one JSON line with what was measured. Arguments: milliseconds between an answer and the next request of its
-- connection (on average), and name=probability of each generation.
local pause, expected = 0, {}
local one = '{"features":{}}'
local several = '{"items":[' .. one .. "," .. one .. "," .. one .. "]}"
local requests, position = {}, 0
local threads = {}
mixed, failed = 0, 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  pause = tonumber(args[1])
  for place = 2, #args do
    local name, probability = args[place]:match("(.+)=(.+)")
    expected[name] = tonumber(probability)
  end
  local headers = { ["Content-Type"] = "application/json" }
  local query = wrk.format("POST", wrk.path .. "/predict", headers, one)
  requests = { query, query, query, wrk.format("POST", wrk.path .. "/predict-multi", headers, several) }
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function delay()
  return math.random(0, 2 * pause)
end

function response(status, _, body)
  if status ~= 200 then
    failed = failed + 1
    return
  end
  local probability = expected[body:match('"serviceGeneration":"(.-)"')]
  for found in body:gmatch('"yes":([%d.e-]+)') do
    if not probability or math.abs(tonumber(found) - probability) > 1e-9 then
      mixed = mixed + 1
    end
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  local wrong, refused = 0, 0
  for _, thread in ipairs(threads) do
    wrong, refused = wrong + thread:get("mixed"), refused + thread:get("failed")
  end
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %.1f, "p99": %.1f, "failed": %d, "mixed": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    refused + errors.connect + errors.read + errors.write + errors.timeout, wrong))
end
