/** The readme and the change history of a package, as text. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { MAX_TEXT_BYTES } from '../../../../src/http/api/packages/text-of-file.ts'
import { openTestDepot, type TestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { allClosedBelow } from '../../../support/open-files.ts'
import { type Files, packageFiles, smallRepository, UEFI } from '../../../support/packages.ts'

const README = '/api/v1/packages/fix/readme'

/** A depot with the package `fix`, whose readme is this. */
function withReadme(t: Parameters<typeof openTestDepot>[0], content: string | Buffer, more: Files = {}) {
  return openTestDepot(t, { ...packageFiles({ fixid: 'fix' }), 'fix.txt': content, ...more })
}

/** Packages without this file. */
function without(files: Files, name: string): Files {
  return Object.fromEntries(Object.entries(files).filter(([other]) => other !== name))
}

const writeAgain = (depot: TestDepot, name: string, content: string) =>
  fs.writeFileSync(path.join(depot.repositoryDirectory, name), content)

t.test('the readme and the change history are plain text that browsers do not interpret', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const [name, text] of [
    ['readme', `Readme of ${UEFI}\n`],
    ['changes', `Changes of ${UEFI}\n`]
  ] as const) {
    const response = await depot.call(`/api/v1/packages/${UEFI}/${name}`)
    t.equal(response.body, text)
    t.match(response, {
      statusCode: 200,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'content-length': String(text.length),
        'cache-control': 'no-store',
        'content-security-policy': 'sandbox',
        'x-content-type-options': 'nosniff'
      }
    })
    const head = await depot.call(`/api/v1/packages/${UEFI}/${name}`, { method: 'HEAD' })
    t.match(head, { statusCode: 200, body: '', headers: { 'content-length': String(text.length) } })
  }
})

t.test('a text is decoded with its encoding', async (t) => {
  const text = 'Gerät für 5 €: “naïve”\r\n'
  const windows = Buffer.from('Gerät für 5 \x80: \x93naïve\x94\r\n', 'latin1')
  for (const [name, bytes] of Object.entries({
    'UTF-8': Buffer.from(text),
    'UTF-8 with a mark': Buffer.from(`\ufeff${text}`),
    'UTF-16 LE': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'UTF-16 BE': Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
    'UTF-16 without a mark': Buffer.from(text, 'utf16le'),
    'Windows-1252': windows
  })) {
    await t.test(name, async (t) => {
      const depot = await withReadme(t, bytes)
      t.equal((await depot.call(README)).body, text)
    })
  }
  const depot = await withReadme(t, Buffer.from('Größe: 5 µm', 'latin1'))
  t.equal((await depot.call(README)).body, 'Größe: 5 µm')
})

t.test('bytes that are not text are still sent, and an empty text is empty', async (t) => {
  const depot = await withReadme(t, Buffer.from(Array.from({ length: 512 }, (_, index) => (index + 0x80) % 256)))
  const response = await depot.call(README)
  t.equal(response.statusCode, 200)
  t.equal(response.body.length, 512)
  const empty = await openTestDepot(t, { ...packageFiles({ fixid: 'fix' }), 'fix.txt': '' })
  t.match(await empty.call(README), { statusCode: 200, body: '' })
})

t.test('HTML is sent as plain text, and only if there is no other readme', async (t) => {
  const html = '<script>alert(1)</script>'
  const both = await withReadme(t, 'plain', { 'fix.html': html, 'fix.htm': html })
  t.equal((await both.call(README)).body, 'plain')
  const only = await openTestDepot(t, { ...without(packageFiles({ fixid: 'fix' }), 'fix.txt'), 'fix.html': html })
  t.match(await only.call(README), {
    statusCode: 200,
    body: html,
    headers: { 'content-type': 'text/plain; charset=utf-8' }
  })
})

t.test('a package without such a text answers 404', async (t) => {
  const files = packageFiles({ fixid: 'fix' })
  for (const [name, file, text] of [
    ['readme', 'fix.txt', /^The package fix has no readme\.$/],
    ['changes', 'fix.chg', /^The package fix has no change history\.$/]
  ] as const) {
    const depot = await openTestDepot(t, without(files, file))
    const response = await depot.call(`/api/v1/packages/fix/${name}`)
    equalProblem(t, response, { status: 404, id: 'FQXHMUP9029L', text })
    const unknown = { status: 404, id: 'FQXHMUP9020L', text: /^There is no package "nobody"\.$/ }
    equalProblem(t, await depot.call(`/api/v1/packages/nobody/${name}`), unknown)
  }
})

t.test('a text that is too large is refused, and can be downloaded', async (t) => {
  const largest = Buffer.alloc(MAX_TEXT_BYTES, 'text ')
  const depot = await withReadme(t, largest, { 'fix.chg': Buffer.alloc(MAX_TEXT_BYTES + 1) })
  t.equal((await depot.call(README)).body.length, MAX_TEXT_BYTES)
  equalProblem(t, await depot.call('/api/v1/packages/fix/changes'), {
    status: 409,
    id: 'FQXHMUP9032L',
    text: /^The file fix\.chg has 4194305 bytes; at most 4194304 are shown as text\.$/
  })
  t.equal((await depot.call('/api/v1/packages/fix/file?path=fix.chg')).rawPayload.length, MAX_TEXT_BYTES + 1)
})

t.test('a text that was changed or removed since the last scan is refused', async (t) => {
  const depot = await withReadme(t, 'as it was')
  writeAgain(depot, 'fix.txt', 'as it is now')
  const changed = { status: 409, id: 'FQXHMUP9031L', text: /^The file fix\.txt has changed: / }
  equalProblem(t, await depot.call(README), changed)
  fs.rmSync(path.join(depot.repositoryDirectory, 'fix.txt'))
  const gone = { status: 410, id: 'FQXHMUP9030L', text: /^The file fix\.txt no longer exists\.$/ }
  equalProblem(t, await depot.call(README), gone)
  fs.symlinkSync('/etc/passwd', path.join(depot.repositoryDirectory, 'fix.txt'))
  equalProblem(t, await depot.call(README), changed)
  t.ok(await allClosedBelow(depot.repositoryDirectory))
})
