import { expect, it } from 'vitest';
import { RequestMetrics } from '../../../../host/components/maggate/request-metrics.ts';

it('counts requests by method, route and status, and sorts them into buckets that contain each other', () => {
  const metrics = new RequestMetrics();
  metrics.observe('GET', '/a/:b', 200, 0.0005);
  metrics.observe('GET', '/a/:b', 200, 0.001);
  metrics.observe('GET', '/a/:b', 404, 0.3);
  metrics.observe('GET', '/a/:b', 503, 60);
  metrics.observe('POST', '/a/:b', 201, 0.02);
  const lines = metrics.text().split('\n');
  const at = 'method="GET",route="/a/:b"';
  for (const line of [
    '# TYPE magflock_http_requests_total counter',
    `magflock_http_requests_total{${at},status="200"} 2`,
    `magflock_http_requests_total{${at},status="404"} 1`,
    `magflock_http_requests_total{${at},status="503"} 1`,
    'magflock_http_requests_total{method="POST",route="/a/:b",status="201"} 1',
    '# TYPE magflock_http_request_duration_seconds histogram',
    `magflock_http_request_duration_seconds_bucket{le="0.001",${at}} 2`,
    `magflock_http_request_duration_seconds_bucket{le="0.25",${at}} 2`,
    `magflock_http_request_duration_seconds_bucket{le="0.5",${at}} 3`,
    `magflock_http_request_duration_seconds_bucket{le="10",${at}} 3`,
    `magflock_http_request_duration_seconds_bucket{le="+Inf",${at}} 4`,
    `magflock_http_request_duration_seconds_sum{${at}} 60.3015`,
    `magflock_http_request_duration_seconds_count{${at}} 4`,
  ]) {
    expect(lines).toContain(line);
  }
  expect(metrics.text()).toMatch(/[^\n]\n$/);
});

it('writes no label that could end itself', () => {
  const metrics = new RequestMetrics();
  metrics.observe('GET', '/a\\"\n}', 200, 1);
  expect(metrics.text()).toContain('{method="GET",route="/a\\\\\\"\\n}",status="200"} 1');
});
