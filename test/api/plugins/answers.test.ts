/**
 * What every operation answers, whatever it is for, is described; the app that tests build fails them where it is not.
 */
import t from 'tap'
import { openTestDepot } from '../../support/api/app.ts'
import { smallRepository } from '../../support/packages.ts'

const MIB = 2 ** 20

const depot = await openTestDepot(t, smallRepository())
const { paths } = (await depot.call('/openapi.json')).json()

/** Every operation whose answer ends, with a URL that has values for its parameters. */
const operations = Object.entries(paths as Record<string, Record<string, object>>).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => !JSON.stringify(operation).includes('text/event-stream'))
    .map(([method]) => ({ method: method.toUpperCase() as 'GET', url: path.replace(/\{\w+\}/g, '99') }))
)

t.test('a body that is too large or unreadable has a documented answer', async (t) => {
  const json = { 'content-type': 'application/json' }
  for (const { method, url } of operations.filter(({ method }) => method !== 'GET')) {
    const large = await depot.call(url, { method, headers: json, payload: ' '.repeat(16 * MIB + 1) })
    t.equal(large.statusCode, 413, `${method} ${url}, too long`)
    const broken = await depot.call(url, { method, headers: json, payload: '{' })
    t.equal(broken.statusCode, 400, `${method} ${url}, broken`)
  }
})

t.test('invalid parameters and bodies have a documented answer', async (t) => {
  for (const { method, url } of operations) {
    for (const query of ['', '?limit=x&cursor=x&key=x&action=x&taskid=x&jobid=x']) {
      for (const payload of method === 'GET'
        ? [undefined]
        : [undefined, {}, [1], { list: [{}], files: [7], fixids: 1 }]) {
        const response = await depot.call(url + query, { method, ...(payload === undefined ? {} : { payload }) })
        t.not(response.statusCode, 500, `${method} ${url}${query} ${JSON.stringify(payload)}`)
      }
    }
  }
})
