import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Protection } from '../../../../src/core/accounts/protection.ts'
import { AUTHORIZATION, listen, openTestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { type ReadEvent, readEvents } from '../../../support/api/read-events.ts'
import { smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const EXPORTS = '/api/v1/exports'
const ALL = '/api/v1/events'

async function openDepot(t: Test, protection?: Partial<Protection>) {
  const depot = await openTestDepot(t, smallRepository(), {}, undefined, protection)
  const root = await listen(depot.app)
  const get = (path: string, lastEventId?: string) =>
    fetch(root + path, {
      headers: {
        authorization: AUTHORIZATION,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId })
      }
    })
  return {
    ...depot,
    get,
    follow: async (path: string, lastEventId?: string) => readEvents(await get(path, lastEventId)),
    create: async (fixid: string): Promise<number> =>
      (await depot.call(EXPORTS, { method: 'POST', payload: { fixids: [fixid] } })).json().id,
    cancel: (id: number) => depot.call(`${EXPORTS}/${id}`, { method: 'DELETE' })
  }
}

/** The next events, up to the first of which this holds. */
async function upTo(events: AsyncGenerator<ReadEvent>, isLast: (event: ReadEvent) => boolean): Promise<ReadEvent[]> {
  const seen: ReadEvent[] = []
  for (;;) {
    const { value, done } = await events.next()
    if (done === true) throw new Error(`The stream ended after ${JSON.stringify(seen)}`)
    seen.push(value)
    if (isLast(value)) return seen
  }
}

const shortly = ({ data }: ReadEvent) => `${data.id} ${data.state}`

t.test('an export is followed to its end, and the stream ends with it', async (t) => {
  const { follow, create, run, call } = await openDepot(t)
  const id = await create(UEFI)
  const events = await follow(`${EXPORTS}/${id}/events`)
  const [first] = await upTo(events, () => true)
  t.match(first, { event: 'export', data: (await call(`${EXPORTS}/${id}`)).json() })
  await run('export')
  const rest: ReadEvent[] = []
  for await (const event of events) rest.push(event)
  t.same(rest.at(-1)?.data, (await call(`${EXPORTS}/${id}`)).json())
  t.match(rest.at(-1)?.data, { state: 'completed', percent: 100 })
  t.equal(new Set([first, ...rest].map((event) => event?.id)).size, 1 + rest.length, 'every event has an id of its own')
})

t.test('a client that has seen the end gets 204, and one that has not gets the last event', async (t) => {
  const { follow, get, create, cancel } = await openDepot(t)
  const id = await create(UEFI)
  const [before] = await upTo(await follow(`${EXPORTS}/${id}/events`), () => true)
  await cancel(id)
  const missed: ReadEvent[] = []
  for await (const event of await follow(`${EXPORTS}/${id}/events`, before?.id)) missed.push(event)
  t.same(missed.map(shortly), [`${id} canceled`])
  const again = await get(`${EXPORTS}/${id}/events`, missed[0]?.id)
  t.equal(again.status, 204)
  t.equal(await again.text(), '')
})

t.test('a state that was sent before the reconnect is not sent again', async (t) => {
  const { follow, create, cancel } = await openDepot(t)
  const id = await create(UEFI)
  const [before] = await upTo(await follow(`${EXPORTS}/${id}/events`), () => true)
  const events = await follow(`${EXPORTS}/${id}/events`, before?.id)
  await cancel(id)
  t.same((await upTo(events, () => true)).map(shortly), [`${id} canceled`])
})

t.test('one stream follows all exports, starting with those that have not ended', async (t) => {
  const { follow, create, cancel, run } = await openDepot(t)
  const [old, first] = [await create(UEFI), await create(XCC)]
  await cancel(old)
  const events = await follow(ALL)
  t.same((await upTo(events, () => true)).map(shortly), [`${first} queued`])
  const second = await create(UEFI)
  t.same((await upTo(events, () => true)).map(shortly), [`${second} queued`])
  await run('export')
  const seen = await upTo(events, ({ data }) => data.id === second && data.state === 'completed')
  t.ok(seen.map(shortly).includes(`${first} completed`))
  await events.return(undefined)
})

t.test('after a reconnect, the exports that ended meanwhile are sent first, in order', async (t) => {
  const { follow, create, cancel } = await openDepot(t)
  await cancel(await create(UEFI))
  const live = await create(XCC)
  const before = (await upTo(await follow(ALL), () => true))[0]?.id
  const ended: number[] = []
  for (let count = 0; count < 210; count += 1) {
    const id = await create(UEFI)
    await cancel(id)
    ended.push(id)
  }
  const events = await follow(ALL, before)
  const seen = await upTo(events, ({ data }) => data.id === live)
  t.same(seen.map(shortly), [...ended.map((id) => `${id} canceled`), `${live} queued`])
  const middle = seen[100]?.id
  const rest = await upTo(await follow(ALL, middle), ({ data }) => data.id === live)
  t.same(rest.map(shortly), seen.slice(101).map(shortly))
  for (const unknown of ['x', '-1', '99999999999999999999']) {
    t.same((await upTo(await follow(ALL, unknown), () => true)).map(shortly), [`${live} queued`], unknown)
  }
})

t.test('an unknown export cannot be followed, and following needs a login', async (t) => {
  const { call, app } = await openDepot(t)
  const { taskid } = (await call('/updateRepositories/firmware?action=read', { method: 'PUT' })).json()
  for (const id of [taskid, 77]) {
    equalProblem(t, await call(`${EXPORTS}/${id}/events`), { status: 404, id: 'FQXHMUP9017L', text: /no export/ })
  }
  for (const url of [ALL, `${EXPORTS}/1/events`]) t.equal((await app.inject(url)).statusCode, 401, url)
})

t.test('a server that stops ends the streams', async (t) => {
  const { app, get, create } = await openDepot(t, {})
  const id = await create(UEFI)
  const responses = [await get(ALL), await get(`${EXPORTS}/${id}/events`)]
  const closed = once(app.server, 'close')
  await app.close()
  for (const response of responses) t.match(await response.text(), /^retry: \d+\n\nid: /)
  await closed
})

t.test('a stream that fails is ended, so that its client reconnects', async (t) => {
  const { follow, create, cancel, tasks } = await openDepot(t)
  const id = await create(UEFI)
  const [first] = await upTo(await follow(ALL), () => true)
  await cancel(id)
  const { endedTasks } = tasks
  t.teardown(() => Object.assign(tasks, { endedTasks }))
  Object.assign(tasks, {
    endedTasks: async (...args: Parameters<typeof endedTasks>) => {
      if (args[2] === 200) throw new Error('no database')
      return endedTasks(...args)
    }
  })
  const events = await follow(ALL, first?.id)
  t.same(await events.next(), { value: undefined, done: true })
  Object.assign(tasks, { endedTasks })
  t.same((await upTo(await follow(ALL, first?.id), () => true)).map(shortly), [`${id} canceled`])
})
