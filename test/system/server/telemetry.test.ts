/** Metrics, log and status of a running server. All tests share one server. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, startServer, until } from '../../support/servers/server.ts'

const PROJECT = path.join(import.meta.dirname, '../../..')
const SECRET = 'canary-of-the-query'
const STATUS = '/updateRepositories/firmware/status'

/** The names of all metrics, as queries write them. */
function namesOf(metrics: string): Set<string> {
  const samples = metrics.split('\n').flatMap((line) => /^[a-z]\w*/.exec(line)?.[0] ?? [])
  const families = [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  )
  return new Set([...samples, ...families])
}

function sample(metrics: string, name: string): number {
  const line = metrics.split('\n').find((some) => some.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

/** Every name of a metric in a text. */
function mentioned(text: string): string[] {
  return [...new Set([...text.matchAll(/\b(?:fixdepot|nodejs|process)_[a-z0-9_]+\b/g)].map(([name]) => name))]
}

const run = promisify(execFile)
const hasPromtool = await run('promtool', ['--version']).then(
  () => true,
  () => false
)

// All of it is one test, so that the server ends also when a step before the subtests fails.
t.test('metrics, log and status show the state of a running server', async (t) => {
  const server = await startServer(t, {
    ...makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x'.repeat(5_000) })),
    settings: { FIXDEPOT_METRICS_LISTEN: '0' }
  })
  const lines = () =>
    server
      .stdout()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  const scraped = String(lines().find(({ msg }) => String(msg).startsWith('Metrics at '))?.msg).slice(
    'Metrics at '.length
  )
  const scrape = async () => (await fetch(scraped)).text()

  const accepted = await server.call(`/updateRepositories/firmware?action=export&secret=${SECRET}`, {
    method: 'PUT',
    body: '{}',
    headers: { 'x-request-id': 'asked-by.a_test-1' }
  })
  const { taskid } = (await accepted.json()) as { taskid: number }
  const { current } = await server.finished(taskid)
  await (await server.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)).bytes()

  await t.test(
    'scrapers read the metrics without a login on a separate port, and with a login on the main port',
    async (t) => {
      const text = await scrape()
      t.match(scraped, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
      t.equal((await fetch(`${server.url}/metrics`)).status, 401)
      const main = await server.call('/metrics')
      t.equal(main.status, 200)
      t.equal(main.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
      t.same([...namesOf(await main.text())].sort(), [...namesOf(text)].sort())
      const refused = 'fixdepot_http_requests_total{method="GET",route="/metrics",status="401"}'
      await until('the metrics include the refused request', async () => sample(await scrape(), refused) === 1)
      const now = await scrape()
      t.equal(sample(now, 'fixdepot_tasks_ended_total{kind="export",state="completed"}'), 1)
      t.equal(sample(now, 'fixdepot_run_duration_seconds_count{kind="export",result="completed"}'), 1)
      t.equal(sample(now, 'fixdepot_catalog_packages'), 1)
      t.equal(sample(now, 'fixdepot_scan_last_success'), 1)
      t.equal(sample(now, 'fixdepot_worker_up{part="export 1"}'), 1)
      t.ok(sample(now, 'fixdepot_http_sent_bytes_total') > 5_000)
      t.ok(sample(now, 'fixdepot_packed_bytes_total') > 5_000)
      t.notMatch(now, /repository\d+\.zip|canary/, 'routes are templates')
    }
  )

  await t.test('dashboard and alert rules use existing metrics, and the documentation lists all metrics', async (t) => {
    const names = namesOf(await scrape())
    const read = (file: string) => fs.readFileSync(path.join(PROJECT, file), 'utf8')
    for (const file of ['deploy/grafana/fixdepot.json', 'deploy/prometheus/fixdepot.rules.yml']) {
      const used = mentioned(read(file))
      t.ok(used.length > 10, file)
      t.same(
        used.filter((name) => !names.has(name)),
        [],
        file
      )
    }
    const families = [...(await scrape()).matchAll(/^# TYPE (fixdepot_\w+)/gm)].map(([, name]) => name)
    const documented = [...read('docs/observability.md').matchAll(/^\| `(fixdepot_\w+)` \|/gm)].map(([, name]) => name)
    t.same(documented.sort(), families.sort())
  })

  await t.test(
    'promtool accepts the alert rules and the metrics',
    { skip: !hasPromtool && 'promtool is not installed' },
    async (t) => {
      await run('promtool', ['check', 'rules', path.join(PROJECT, 'deploy/prometheus/fixdepot.rules.yml')])
      const check = execFile('promtool', ['check', 'metrics'])
      let output = ''
      check.stdout?.on('data', (text) => (output += text))
      check.stderr?.on('data', (text) => (output += text))
      check.stdin?.end(await scrape())
      await once(check, 'close')
      // The names of process metrics come from prom-client and are not checked.
      t.same(
        output.split('\n').filter((line) => line.includes('fixdepot_')),
        []
      )
    }
  )

  await t.test('the status shows the content and the tasks of the depot', async (t) => {
    const status = await server.json<Record<string, unknown>>('/api/v1/status')
    t.match(status, {
      status: 'ready',
      version: /^\d/,
      catalog: { packages: 1, problems: 0, lastScan: { state: 'completed' } },
      tasks: { export: { queued: 0, running: 0, completed: 1 }, scan: { completed: 1 } },
      archives: { kept: 1 },
      workers: [
        { name: 'commands', isRunning: true },
        { name: 'export 1', isRunning: true }
      ],
      volumes: [{ name: 'data' }, { name: 'repository' }]
    })
  })

  await t.test(
    'a request has one log line, with its id and its task and without URL and secrets; polls have none',
    async (t) => {
      t.equal(accepted.headers.get('x-request-id'), 'asked-by.a_test-1')
      const of = lines().filter(({ requestId }) => requestId === 'asked-by.a_test-1')
      t.equal(of.length, 1)
      t.match(of[0], {
        level: 30,
        msg: 'request finished',
        method: 'PUT',
        route: '/updateRepositories/firmware',
        status: 200,
        user: 'admin',
        taskId: taskid
      })
      t.notOk(
        lines().some(({ route, status }) => (route === STATUS || route === '/metrics') && status < 400),
        'successful polls are not logged'
      )
      const ofRun = lines().filter(({ msg, kind }) => /^task /.test(msg) && kind === 'export')
      t.ok(ofRun.length >= 2)
      t.ok(ofRun.every(({ taskId }) => taskId === taskid))
      t.notMatch(server.stdout(), SECRET)
      t.ok(lines().every((line) => typeof line.msg === 'string' && typeof line.level === 'number'))
    }
  )
  await t.test('a signal ends the server with exit code 0', async (t) => {
    t.same(await server.stop(), { code: 0, signal: null })
  })
})
