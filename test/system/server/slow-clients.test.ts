/**
 * Hundreds of clients of slowhttptest send and read as slowly as possible; other clients are still served. A long run:
 * SLOW_SECONDS=120 SLOW_CONNECTIONS=1000 npx tap run --timeout=600 test/system/server/slow-clients.test.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { smallRepository } from '../../support/packages.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const { SLOW_SECONDS = '8', SLOW_CONNECTIONS = '300' } = process.env

/** The longest wait of other clients, on a busy machine. */
const ANSWER_MS = 20_000

const isInstalled = (process.env.PATH ?? '')
  .split(path.delimiter)
  .some((directory) => fs.existsSync(path.join(directory, 'slowhttptest')))
const options = isInstalled ? {} : { skip: 'slowhttptest is not installed' }

const COMMON = ['-c', SLOW_CONNECTIONS, '-r', SLOW_CONNECTIONS, '-l', SLOW_SECONDS, '-p', '2']

const MODES = {
  'slow headers': ['-H', '-i', '1'],
  'slow bodies': ['-B', '-i', '1', '-s', '100000', '-t', 'PUT', '-f', 'application/json'],
  'slow reads': ['-X', '-w', '1', '-y', '8', '-n', '1', '-z', '1', '-k', '3']
}

t.test('slow headers, slow bodies and slow reads at the same time do not block other clients', options, async (t) => {
  const server = await startServer(t, makeDirectories(t, smallRepository()))
  const taskid = await server.export()
  const descriptors = () => fs.readdirSync(`/proc/${server.child.pid}/fd`).length
  const paths = ['/updateRepositories/firmware?action=read', '/docs/static/swagger-ui-bundle.js']
  const attackers = Object.values(MODES).map((mode) => {
    const url = server.url + (mode[0] === '-X' ? paths[1] : paths[0])
    return spawn('slowhttptest', [...mode, ...COMMON, '-u', url], { stdio: 'ignore' })
  })
  for (const attacker of attackers) t.teardown(() => attacker.kill('SIGKILL'))
  const ended = Promise.all(attackers.map((attacker) => once(attacker, 'exit')))
  let isOver = false
  ended.then(() => {
    isOver = true
  })
  let answers = 0
  let mostDescriptors = 0
  while (!isOver) {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const [health, status] = await Promise.all([
      server.call('/health/live', { signal }),
      server.call(`/updateRepositories/firmware/status?taskid=${taskid}`, { signal })
    ])
    if (health.status !== 200 || status.status !== 200) t.fail(`${health.status} and ${status.status}`)
    await Promise.all([health.text(), status.text()])
    answers += 2
    mostDescriptors = Math.max(mostDescriptors, descriptors())
  }
  // A blocked server would answer only the first two calls, after the attack.
  t.ok(answers > 4, `${answers} answers meanwhile`)
  // The number of simultaneous connections depends on the load of the machine.
  t.ok(mostDescriptors > Number(SLOW_CONNECTIONS) / 6, `${mostDescriptors} descriptors were open`)
  const download = await server.call('/api/v1/archive?all=true')
  t.equal((await download.arrayBuffer()).byteLength, Number(download.headers.get('content-length')))
})
