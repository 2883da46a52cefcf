import t from 'tap'
import { type CatalogProblemCode, catalogProblem } from '../../../../src/core/catalog/package.ts'

/** An object, so that the compiler finds a code that is not here. */
const CODES = Object.keys({
  'broken-metadata': true,
  'not-metadata': true,
  'metadata-too-large': true,
  'unsafe-metadata': true,
  'orphan-file': true,
  'partial-download': true,
  'duplicate-fixid': true,
  'unsafe-payload-path': true,
  'empty-payload': true,
  'size-mismatch': true,
  'digest-mismatch': true,
  'missing-member': true,
  'link-outside': true,
  'link-to-directory': true,
  'broken-link': true,
  'special-file': true,
  'unsafe-name': true,
  unreadable: true
} satisfies Record<CatalogProblemCode, true>) as CatalogProblemCode[]

t.test('every problem has a sentence of its own', async (t) => {
  for (const code of CODES) {
    const problem = catalogProblem(code, 'folder/file')
    t.match(problem, { code, path: 'folder/file', text: /^[A-Z][^.]+\.$/ })
  }
  t.equal(new Set(CODES.map((code) => catalogProblem(code, '').text)).size, CODES.length)
})

t.test('particulars follow the sentence behind a colon', async (t) => {
  t.strictSame(catalogProblem('unreadable', 'a.uxz', 'EACCES'), {
    code: 'unreadable',
    path: 'a.uxz',
    text: 'The file or directory cannot be read: EACCES'
  })
})
