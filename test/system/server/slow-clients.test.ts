/**
 * Hundreds of clients that send and read as slowly as they can, made by slowhttptest, keep nobody out. A long run by
 * hand: SLOW_SECONDS=120 SLOW_CONNECTIONS=1000 npx tap run --timeout=600 test/server/slow-clients.test.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { smallRepository } from '../../support/packages.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const { SLOW_SECONDS = '8', SLOW_CONNECTIONS = '300' } = process.env

/** Whoever asks in the meantime waits no longer than this, on a machine that is busy with others. */
const ANSWER_MS = 20_000

const isThere = (process.env.PATH ?? '')
  .split(path.delimiter)
  .some((directory) => fs.existsSync(path.join(directory, 'slowhttptest')))
const options = isThere ? {} : { skip: 'there is no slowhttptest on this machine' }

const COMMON = ['-c', SLOW_CONNECTIONS, '-r', SLOW_CONNECTIONS, '-l', SLOW_SECONDS, '-p', '2']

const MODES = {
  'slow heads': ['-H', '-i', '1'],
  'slow bodies': ['-B', '-i', '1', '-s', '100000', '-t', 'PUT', '-f', 'application/json'],
  'slow reads': ['-X', '-w', '1', '-y', '8', '-n', '1', '-z', '1', '-k', '3']
}

t.test('slow heads, slow bodies and slow reads at the same time keep nobody out', options, async (t) => {
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
  // A server that is kept busy until they end answers the first two calls only then.
  t.ok(answers > 4, `${answers} answers meanwhile`)
  // How many there are at a time depends on how busy the machine is.
  t.ok(mostDescriptors > Number(SLOW_CONNECTIONS) / 6, `${mostDescriptors} descriptors were open`)
  const download = await server.call('/api/v1/archive?all=true')
  t.equal((await download.arrayBuffer()).byteLength, Number(download.headers.get('content-length')))
})
