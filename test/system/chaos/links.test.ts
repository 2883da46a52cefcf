/** A name in the repository alternates between a link inside the repository and a link to the outside. */
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { allowTime, ROUNDS } from '../../support/chaos/chaos.ts'
import { FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { startServer } from '../../support/servers/server.ts'

allowTime(t, 5)

const [SWAPPED = '', ...OTHERS] = FIXIDS

/** Replaces a name by each of two links alternately, as fast as possible. */
const SWAP = `
const fs = require('node:fs')
const { workerData: { name, targets } } = require('node:worker_threads')
for (let round = 0; ; round += 1) {
  fs.symlinkSync(targets[round % 2], name + '.new')
  fs.renameSync(name + '.new', name)
}`

t.test('no file from outside the repository is packed while a link is swapped in a loop', async (t) => {
  const depot = await makeChaosDepot(t, 2 ** 20)
  const name = path.join(depot.repositoryDirectory, `${SWAPPED}.uxz`)
  const inside = path.join(depot.repositoryDirectory, 'kept aside')
  const outside = path.join(path.dirname(depot.repositoryDirectory), 'outside')
  const server = await startServer(t, depot)
  fs.copyFileSync(name, inside)
  // The sizes are equal: before the last byte is read only the path distinguishes the files.
  fs.writeFileSync(outside, Buffer.alloc(fs.statSync(name).size, 'secret'))
  const swapper = new Worker(SWAP, { eval: true, workerData: { name, targets: [inside, outside] } })
  t.teardown(() => swapper.terminate())

  const outcomes: Record<string, number> = { complete: 0, error: 0 }
  for (let round = 0; round < 2 * ROUNDS; round += 1) {
    const fixids = [SWAPPED, ...OTHERS.filter((_, bit) => ((round + 1) >> bit) & 1)]
    const { state, current, message } = await server.finished(await server.export({ fixids }))
    outcomes[state] = (outcomes[state] ?? 0) + 1
    if (state === 'complete') {
      const bytes = await depot.archives.read(current)
      t.notOk(bytes.includes('secretsecret'), 'the archive has no content from outside')
    } else t.match(message, `${SWAPPED}.uxz`)
  }
  t.comment(JSON.stringify(outcomes))
  t.same(Object.keys(outcomes), ['complete', 'error'])
})
