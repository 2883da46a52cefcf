/** A short run of `npm run fuzz`. */
import t from 'tap'
import { fuzz } from './fuzz.ts'
import { startFuzzServer } from './fuzz-server.ts'

const REQUESTS = 2_000

t.test(
  '2,000 requests of all kinds are answered as described, and leave no memory or descriptors in use',
  async (t) => {
    const seed = Date.now() % 1_000_000
    const server = await startFuzzServer(1)
    t.teardown(server.stop)
    const { url, authorization, pid } = server
    const { failures, requests, succeeded } = await fuzz({ url, authorization, pid, requests: REQUESTS, seed })
    t.equal(requests, REQUESTS)
    t.same(failures, [], `npm run fuzz -- --requests=${REQUESTS} --seed=${seed}`)
    t.same(server.errors(), [])
    t.ok(succeeded.size > 20, `${succeeded.size} operations have succeeded`)
  }
)
