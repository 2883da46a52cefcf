import t from 'tap'
import { Problem } from '../../../../src/core/problems/problem.ts'
import { lenientBody, lenientQuery, listItems } from '../../../../src/http/lxca/lenient-query.ts'

const plain = (query: object) => ({ ...query })

t.test('names and enumerated values are normalised to one spelling', async (t) => {
  for (const [given, expected] of [
    [{ ACTION: 'Export' }, { action: 'export' }],
    [{ Key: 'UPDATESBYMT' }, { key: 'updatesByMt' }],
    [{ key: 'updatesbymtbycomp' }, { key: 'updatesByMtByComp' }],
    [{ key: ' lastRefreshed ' }, { key: 'lastRefreshed' }],
    [{ filetype: 'PAYLOAD' }, { filetypes: 'payloads' }],
    [{ tasktype: 'AQUIRECATALOG' }, { taskType: 'ACQUIRECATALOG' }],
    [{ taskIds: '7' }, { taskid: '7' }],
    [{ MTS: '7x05' }, { mt: '7x05' }],
    [{ EXPORTREPOFILENAME: 'A.zip' }, { exportRepoFilename: 'A.zip' }],
    [{ Payloads: '' }, { payload: '' }]
  ]) {
    t.same(plain(lenientQuery(given as Record<string, string>)), expected, JSON.stringify(given))
  }
})

t.test('an unknown value is left unchanged, so that the schema refuses it', async (t) => {
  t.same(plain(lenientQuery({ key: 'Packages' })), { key: 'Packages' })
})

t.test('a repeated list is joined to one list', async (t) => {
  t.same(plain(lenientQuery({ mt: ['7X05', '7X06'] })), { mt: '7X05,7X06' })
  t.same(plain(lenientQuery({ mt: '7X05', MTS: '7X06,7X01' })), { mt: '7X05,7X06,7X01' })
})

t.test('a repeated equal value counts once, and a different value is refused', async (t) => {
  t.same(plain(lenientQuery({ action: ['export', 'EXPORT'] })), { action: 'export' })
  t.same(plain(lenientQuery({ unknown: ['1', '2'] })), { unknown: '1' })
  for (const query of [
    { action: ['export', 'read'] },
    { taskid: '1', taskids: '2' },
    { exportRepoFilename: ['a.zip', 'b.zip'] },
    { filetype: 'all', filetypes: 'payload' }
  ] as Record<string, string | string[]>[]) {
    t.throws(() => lenientQuery(query), Problem, JSON.stringify(query))
  }
})

t.test('parameters named like members of Object.prototype are handled like others', async (t) => {
  const outcome = (given: Record<string, string | string[]>): unknown => {
    try {
      return lenientQuery(given).action
    } catch (error) {
      return error
    }
  }
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    t.equal(outcome({ action: 'READ', ...Object.fromEntries([[name, ['1', '2']]]) }), 'read', name)
  }
})

t.test('attribute names of a body are normalised, and their values are unchanged', async (t) => {
  const body = { FixIds: ['A'], MT: ['7x05'], OS: '', Type: 'Latest', CLEANUPIF: 1, other: 2 }
  t.same(lenientBody(body), { fixids: ['A'], mt: ['7x05'], os: '', type: 'Latest', cleanUpIf: 1, other: 2 })
  for (const other of [undefined, null, [], ['fixids'], 'text', 5]) t.equal(lenientBody(other), other)
})

t.test('a comma-separated list is split into its items, each once', async (t) => {
  t.same(listItems('a, b,,a ,c,'), ['a', 'b', 'c'])
  t.same(listItems(''), [])
  t.same(listItems(undefined), [])
})
