import t from 'tap'
import { listenForScrapers } from '../../../src/telemetry/metrics-listener.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }

t.test('a scraper gets the numbers, and there is nothing else', async (t) => {
  const metrics = { contentType: 'text/plain; version=0.0.4', read: async () => 'fixdepot_up 1\n' }
  const listener = await listenForScrapers(LOOPBACK, metrics, (error) => t.fail(String(error)))
  t.teardown(() => listener.close())
  const root = new URL('/', listener.url).href
  const response = await fetch(listener.url)
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), metrics.contentType)
  t.equal(await response.text(), 'fixdepot_up 1\n')
  t.equal((await fetch(`${listener.url}?name[]=up`)).status, 200)
  t.equal((await fetch(listener.url, { method: 'HEAD' })).status, 200)
  t.equal((await fetch(listener.url, { method: 'POST', body: 'x' })).status, 405)
  for (const path of ['', 'metrics/', 'api/v1/status', 'docs']) t.equal((await fetch(root + path)).status, 404, path)
})

t.test('numbers that cannot be read are an error for the log, and none of the reasons for the scraper', async (t) => {
  const errors: unknown[] = []
  const read = async () => {
    throw new Error('/var/lib/fixdepot.db')
  }
  const listener = await listenForScrapers(LOOPBACK, { contentType: 'text/plain', read }, (error) => errors.push(error))
  t.teardown(() => listener.close())
  const response = await fetch(listener.url)
  t.equal(response.status, 500)
  t.notMatch(await response.text(), 'fixdepot.db')
  t.match(errors, [{ message: '/var/lib/fixdepot.db' }])
})

t.test('a port that is taken is an error', async (t) => {
  const metrics = { contentType: 'text/plain', read: async () => '' }
  const listener = await listenForScrapers({ host: '::1', port: 0 }, metrics, () => {})
  t.teardown(() => listener.close())
  t.match(listener.url, /^http:\/\/\[::1\]:\d+\/metrics$/)
  const port = Number(new URL(listener.url).port)
  await t.rejects(
    listenForScrapers({ host: '::1', port }, metrics, () => {}),
    { code: 'EADDRINUSE' }
  )
})
