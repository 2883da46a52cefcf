import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { checkRelativePath, isSafeName, UnsafePathError } from '../../../../src/core/storage/relative-path.ts'

const UNSAFE = [
  '',
  '.',
  './',
  '././.',
  '..',
  '../',
  '../x',
  'a/..',
  'a/../b',
  'a/../../etc/passwd',
  './../x',
  'a//../..//x',
  '/',
  '//',
  '/etc/passwd',
  '//server/share',
  '\\',
  '\\\\server\\share',
  'a\\b',
  '..\\x',
  'C:',
  'C:x',
  'c:/windows',
  'C:\\windows',
  'a\0',
  'a\0.uxz',
  'a\nb',
  'a\rb',
  'a\tb',
  'a\u007f',
  'a\u0085b',
  'a\ufffd',
  'a\ud800',
  '\udc00/b'
]

const SAFE: Readonly<Record<string, string>> = {
  a: 'a',
  'a/b': 'a/b',
  './a': 'a',
  'a/.': 'a',
  'a/': 'a',
  'a//b': 'a/b',
  'payloads/./firmware//x.uxz': 'payloads/firmware/x.uxz',
  '...': '...',
  '..a': '..a',
  'a..': 'a..',
  'a/...b': 'a/...b',
  '.hidden': '.hidden',
  '~': '~',
  '~/a': '~/a',
  '%2e%2e/a': '%2e%2e/a',
  'DoNotUpdate_SERVER_01CV832, 01CV842': 'DoNotUpdate_SERVER_01CV832, 01CV842',
  'a/C:': 'a/C:',
  ' ': ' ',
  'caf\u00e9/\u{1f600}': 'caf\u00e9/\u{1f600}',
  'cafe\u0301': 'cafe\u0301'
}

t.test('names that lead out of their directory, or cannot be trusted, are refused', async (t) => {
  for (const name of UNSAFE) t.throws(() => checkRelativePath(name), UnsafePathError, JSON.stringify(name))
})

t.test('a refusal names the culprit in a form that is safe to print', async (t) => {
  t.throws(() => checkRelativePath('../a\n'), {
    name: 'UnsafePathError',
    message: '"../a\\n" is not a safe relative path'
  })
})

t.test('safe names come back without their . and empty parts', async (t) => {
  for (const [name, checked] of Object.entries(SAFE)) t.equal(checkRelativePath(name), checked, JSON.stringify(name))
})

const PIECES = [
  '..',
  '.',
  '/',
  '//',
  '\\',
  'a',
  'b.xml',
  'C:',
  '\0',
  '\n',
  ' ',
  '\ufffd',
  '\ud800',
  '\u00e9',
  '~',
  '...'
]
const anyName = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary' })
)

function checked(name: string): string | undefined {
  try {
    return checkRelativePath(name)
  } catch (error) {
    if (error instanceof UnsafePathError) return undefined
    throw error
  }
}

t.test('a drive is refused also behind parts that mean nothing', async (t) => {
  for (const name of ['./C:', './/./c:/x', 'C:x']) t.throws(() => checkRelativePath(name), UnsafePathError, name)
  t.equal(checkRelativePath('a/C:'), 'a/C:', 'where no drive can be it is a name')
})

t.test('whatever is accepted stays inside, on every system, and is accepted again as it is', async () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const path = checked(name)
      if (path === undefined) return true
      return (
        posix.join('/base', path) === `/base/${path}` &&
        posix.resolve('/base', name) === `/base/${path}` &&
        win32.resolve('C:\\base', path).startsWith('C:\\base\\') &&
        checkRelativePath(path) === path
      )
    }),
    { numRuns: 2000 }
  )
})

t.test('a safe name is one part that may stand in a path', async (t) => {
  for (const name of ['a', 'a.zip', '...', ' ', '..a', 'caf\u00e9', 'a, b'])
    t.ok(isSafeName(name), JSON.stringify(name))
  for (const name of ['', '.', '..', 'a/b', '/', 'a\\b', 'a\0', 'a\n', 'a\ufffd', 'a\ud800']) {
    t.notOk(isSafeName(name), JSON.stringify(name))
  }
})

t.test('a path of safe names is a safe path', async () => {
  const names = fc.array(anyName.filter(isSafeName), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(names, (parts) => {
      const path = ['directory', ...parts].join('/')
      return checkRelativePath(path) === path
    })
  )
})
