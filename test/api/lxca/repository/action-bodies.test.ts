import t from 'tap'
import type { AcceptedTask, ExportRequest } from '../../../../src/core/export/task-commands.ts'
import { buildTestApp } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { someTask } from '../../../support/api/some-tasks.ts'

const EXPORT = '/updateRepositories/firmware?action=export&filetypes=all'
const MIB = 2 ** 20

const asked: ExportRequest[] = []
const { call } = await buildTestApp(t, {
  commands: {
    async requestExport(request): Promise<AcceptedTask> {
      asked.push(request)
      return { task: someTask(), notes: [] }
    },
    planExport: async () => {
      throw new Error('not asked for')
    },
    planDownload: async () => {
      throw new Error('not asked for')
    },
    requestScan: async () => ({ task: someTask({ kind: 'scan' }), notes: [] }),
    cancelTasks: async () => [],
    deleteTasks: async () => {},
    deletePackages: async () => ({ fixids: [], fileCount: 0, bytes: 0, taskId: 1 })
  }
})

function put(payload: string | Buffer, headers: Record<string, string> = {}) {
  asked.length = 0
  return call(EXPORT, { method: 'PUT', payload, headers })
}

t.test('a body is parsed as JSON with any content type that clients send', async (t) => {
  for (const type of [
    undefined,
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/octet-stream'
  ]) {
    const response = await put('{"fixids":["ä"]}', type === undefined ? {} : { 'content-type': type })
    t.equal(response.statusCode, 200, String(type))
    t.same(asked[0]?.selection.fixids, ['ä'], String(type))
  }
})

t.test('an empty body is accepted with any content type', async (t) => {
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded']) {
    for (const payload of ['', ' \r\n']) {
      const response = await put(payload, { 'content-type': type })
      t.equal(response.statusCode, 200, `${type} ${JSON.stringify(payload)}`)
      t.same(asked[0]?.selection.fixids, [])
    }
  }
})

t.test('a body that is not JSON is refused', async (t) => {
  for (const payload of [
    '{',
    '{"fixids":[}',
    'fixids=a',
    'undefined',
    "{'fixids':[]}",
    '\0',
    Buffer.from([0xff, 0xfe])
  ]) {
    const response = await put(payload, { 'content-type': 'application/json' })
    const text = /^The body of the request cannot be read: /
    equalError(t, response, { status: 400, id: 'FQXHMUP9002L', text }, JSON.stringify(payload))
  }
})

t.test('JSON that is not an object is refused with its type', async (t) => {
  for (const [payload, what] of [
    ['[]', 'an array'],
    ['["a"]', 'an array'],
    ['5', '5'],
    ['true', 'true'],
    ['"fixids"', '"fixids"']
  ] as const) {
    const text = new RegExp(`^The body must be an object, and is ${what}\\.$`)
    equalError(t, await put(payload), { status: 400, id: 'FQXHMUP9002L', text }, payload)
  }
})

t.test('fixids that are not a list of strings are refused with the invalid item', async (t) => {
  for (const [fixids, text] of [
    ['"a"', /^The attribute fixids must be an array, and is "a"\.$/],
    ['{"0":"a"}', /^The attribute fixids must be an array/],
    ['["a",5]', /^The attribute fixids\[1\] must be a string, and is 5\.$/],
    ['["a",["b"]]', /^The attribute fixids\[1\] must be a string, and is an array\.$/],
    ['[null]', /^The attribute fixids\[0\] must be a string, and is null\.$/],
    ['["a","b",""]', /^The attribute fixids\[2\] is empty\.$/]
  ] as const) {
    equalError(t, await put(`{"fixids":${fixids}}`), { status: 400, id: 'FQXHMUP9002L', text }, fixids)
  }
  t.same(asked, [])
})

t.test('fixids that are null are treated as missing, as an older Ruby client expects', async (t) => {
  const response = await put('{"fixids":null}', { 'content-type': 'application/json' })
  t.equal(response.statusCode, 200)
  t.same(asked[0]?.selection, { fixids: [], scope: 'all' })
})

t.test('a list of a hundred thousand fixids is refused with its length and the limit', async (t) => {
  const fixids = Array.from({ length: 100_000 }, (_, index) => `lnvgy_fw_some_${'x'.repeat(40)}-${index}_anyos_noarch`)
  const text = /^The attribute fixids has 100000 items; at most 50000 are accepted\.$/
  equalError(t, await put(JSON.stringify({ fixids })), { status: 400, id: 'FQXHMUP9002L', text })
  t.equal((await put(JSON.stringify({ fixids: fixids.slice(0, 50_000) }))).statusCode, 200)
})

t.test('a fixid of ten thousand characters is refused, and quoted in part', async (t) => {
  const response = await put(JSON.stringify({ fixids: ['a', 'y'.repeat(10_000)] }))
  const text = /^The attribute fixids\[1\] is "y{50,}"… and longer than 255 characters\.$/
  equalError(t, response, { status: 400, id: 'FQXHMUP9002L', text })
  t.ok(response.body.length < 1000)
  t.equal((await put(JSON.stringify({ fixids: ['y'.repeat(255)] }))).statusCode, 200)
})

t.test('a body of more than 16 MiB is refused, and one of 16 MiB is accepted', async (t) => {
  const filled = (size: number) => `{"fixids":["a"]}${' '.repeat(size - 16)}`
  equalError(t, await put(filled(16 * MIB + 1)), { status: 413, id: 'FQXHMUP9002L', text: /^The body is too large\.$/ })
  t.equal((await put(filled(16 * MIB))).statusCode, 200)
})

t.test('JSON that changes prototypes is refused', async (t) => {
  for (const payload of [
    '{"__proto__":{"isAdmin":true}}',
    '{"fixids":["a"],"__proto__":{"fixids":["b"]}}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"mt":{"__proto__":{"isAdmin":true}}}',
    '{"\\u005f_proto__":{"isAdmin":true}}'
  ]) {
    equalError(t, await put(payload), { status: 400, id: 'FQXHMUP9002L', text: /cannot be read/ }, payload)
  }
  t.notOk('isAdmin' in {})
})

t.test('unknown attributes are ignored, with any name', async (t) => {
  const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__', 'length', 'then', '']
  for (const name of names) {
    const response = await put(JSON.stringify({ fixids: ['a'], [name]: 1 }))
    t.equal(response.statusCode, 200, name)
    t.same(asked[0]?.selection.fixids, ['a'], name)
  }
})

t.test('a wide and a deep body are answered', async (t) => {
  const wide = `{"fixids":["a"],${Array.from({ length: 50_000 }, (_, index) => `"k${index}":0`).join(',')}}`
  t.equal((await put(wide)).statusCode, 200)
  const deep = `{"fixids":${'['.repeat(5000)}${']'.repeat(5000)}}`
  const text = /^The attribute fixids\[0\] must be a string/
  equalError(t, await put(deep), { status: 400, id: 'FQXHMUP9002L', text })
})
