import t from 'tap'
import type { HealthCheck } from '../../src/core/tasks/statistics.ts'
import { buildTestApp } from '../support/api/app.ts'

const HEALTHY: HealthCheck[] = [
  { name: 'database', isHealthy: true, reason: '' },
  { name: 'repository', isHealthy: true, reason: '' },
  { name: 'space', isHealthy: true, reason: '' }
]

t.test('liveness is reported whatever else is broken', async (t) => {
  const { app } = await buildTestApp(t, {})
  const response = await app.inject('/health/live')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { status: 'live' })
})

t.test('a healthy depot is ready', async (t) => {
  const { app } = await buildTestApp(t, { health: async () => HEALTHY })
  const response = await app.inject('/health/ready')
  t.equal(response.statusCode, 200)
  t.strictSame(response.json(), { status: 'ready', checks: HEALTHY })
})

t.test('one failed check makes the depot not ready, and is shown with its reason', async (t) => {
  for (const broken of HEALTHY) {
    const checks = HEALTHY.map((check) =>
      check === broken ? { ...check, isHealthy: false, reason: 'ENOENT.' } : check
    )
    const { app } = await buildTestApp(t, { health: async () => checks })
    const response = await app.inject('/health/ready')
    t.equal(response.statusCode, 503, broken.name)
    t.strictSame(response.json(), { status: 'not ready', checks })
  }
})

t.test('only the reason of a check is shown', async (t) => {
  const check = { name: 'database', isHealthy: false, reason: 'EIO.', file: '/var/lib/fixdepot.db' } as HealthCheck
  const { app } = await buildTestApp(t, { health: async () => [check] })
  t.notMatch((await app.inject('/health/ready')).body, /var/)
})

t.test('probes need no login, and accept a wrong one', async (t) => {
  const { app } = await buildTestApp(t, { health: async () => HEALTHY })
  for (const url of ['/health/live', '/health/ready', '/health/ready/', '/health/ready?verbose=1']) {
    for (const headers of [{}, { authorization: 'Basic nonsense' }]) {
      t.equal((await app.inject({ url, headers })).statusCode, 200, url)
    }
    t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200, `HEAD ${url}`)
  }
})
