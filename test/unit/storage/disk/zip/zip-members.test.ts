import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { UnsafePathError } from '../../../../../src/core/storage/relative-path.ts'
import { readZipMembers } from '../../../../../src/storage/disk/zip/zip-members.ts'
import { allClosedBelow } from '../../../../support/open-files.ts'
import { type RawEntry, type RawZipOptions, rawZip } from '../../../../support/raw-zip.ts'

const LIMIT = 1_000

const isJson = (name: string) => name.endsWith('.json')

/** The members of these bytes as texts. */
async function membersOf(t: Test, bytes: Buffer | string, wanted = isJson): Promise<Record<string, string>> {
  const root = fs.realpathSync(t.testdir({ 'a.zip': bytes }))
  const members = await readZipMembers(root, 'a.zip', wanted, LIMIT)
  return Object.fromEntries([...members].map(([name, content]) => [name, content.toString()]))
}

const index: RawEntry = { name: 'index.json', content: '{"index":true}', isDeflated: true }

t.test('selected members are read, stored or deflated', async (t) => {
  const entries: RawEntry[] = [
    index,
    { name: 'stored.json', content: 'stored' },
    { name: 'empty.json', isDeflated: true },
    { name: 'payloads/payload.bin', content: 'x'.repeat(5_000), isDeflated: true },
    { name: 'sub/inner.json', content: 'inner', isDeflated: true }
  ]
  const expected = { 'index.json': '{"index":true}', 'stored.json': 'stored', 'empty.json': '' }
  t.same(await membersOf(t, rawZip(entries)), { ...expected, 'sub/inner.json': 'inner' })
  t.same(await membersOf(t, rawZip(entries, { comment: 'made by hand', zip64: {} })), {
    ...expected,
    'sub/inner.json': 'inner'
  })
  t.same(await membersOf(t, rawZip(entries), (name) => name === 'index.json'), { 'index.json': '{"index":true}' })
})

t.test('a .zip after other bytes is read like any other', async (t) => {
  const stub = Buffer.alloc(100, '#')
  const start = rawZip([index]).indexOf('PK\u0001\u0002')
  const moved = rawZip([{ ...index, offset: stub.length }], { directoryOffset: stub.length + start })
  t.same(await membersOf(t, Buffer.concat([stub, moved])), { 'index.json': '{"index":true}' })
})

t.test('a file that is no .zip has no members', async (t) => {
  const zip = rawZip([index])
  for (const bytes of ['', 'PK', 'just text', Buffer.alloc(70_000), zip.subarray(0, -1), zip.subarray(0, 40)]) {
    t.same(await membersOf(t, bytes), {}, `${bytes.length} bytes`)
  }
})

t.test('members whose recorded size is too large are skipped', async (t) => {
  const large = { name: 'large.json', content: 'x'.repeat(LIMIT + 1), isDeflated: true }
  const full = { name: 'full.json', content: 'x'.repeat(LIMIT), isDeflated: true }
  t.same(await membersOf(t, rawZip([large, index])), { 'index.json': '{"index":true}' })
  t.same(await membersOf(t, rawZip([full])), { 'full.json': full.content })
})

t.test('a member that is larger than its recorded size has no result', async (t) => {
  for (const isDeflated of [true, false]) {
    const lying = { name: 'bomb.json', content: 'x'.repeat(100_000), size: 10, isDeflated }
    t.same(await membersOf(t, rawZip([lying])), {}, isDeflated ? 'deflated' : 'stored')
  }
})

t.test('many members together do not exceed the limit', async (t) => {
  const entries = Array.from({ length: 50 }, (_, number) => ({
    name: `${number}.json`,
    content: 'x'.repeat(LIMIT),
    isDeflated: true
  }))
  const members = await membersOf(t, rawZip(entries))
  const bytes = Object.values(members).reduce((sum, content) => sum + content.length, 0)
  t.ok(bytes <= LIMIT, `${bytes} bytes were unpacked`)
})

t.test('encrypted members are skipped', async (t) => {
  const secret = { name: 'secret.json', content: 'secret', flags: 1, isDeflated: true }
  t.same(await membersOf(t, rawZip([secret, index])), { 'index.json': '{"index":true}' })
  const strong = { ...secret, flags: 0x41 }
  t.same(await membersOf(t, rawZip([strong, index])), {})
})

t.test('a directory with a false length or offset has no result', async (t) => {
  const ends: Record<string, RawZipOptions> = {
    'too many entries': { entryCount: 65_535 },
    'one entry more': { entryCount: 2 },
    'a directory behind the end': { directoryOffset: 0xfffffff0 },
    'a directory in the middle': { directoryOffset: 3 },
    'more entries than there is memory': { zip64: { entryCount: 1n << 60n } },
    'a ZIP64 directory far away': { zip64: { directoryOffset: 1n << 52n } },
    'a ZIP64 directory nowhere': { zip64: { directoryOffset: (1n << 64n) - 1n } },
    'ZIP64 records behind the end': { zip64: { endOffset: 1n << 40n } }
  }
  for (const [name, end] of Object.entries(ends)) t.same(await membersOf(t, rawZip([index], end)), {}, name)
})

t.test('members beyond the end of the file, or with impossible names, have no result', async (t) => {
  const far = { ...index, offset: 0xffffffff, zip64: [1n << 40n] }
  t.same(await membersOf(t, rawZip([far])), {})
  for (const name of ['../index.json', '/index.json', 'a\\index.json', 'C:/index.json']) {
    t.same(await membersOf(t, rawZip([{ ...index, name }])), {}, name)
  }
})

t.test('no descriptor stays open after any error', async (t) => {
  const root = fs.realpathSync(t.testdir())
  const files = {
    good: rawZip([index]),
    bomb: rawZip([{ name: 'bomb.json', content: 'x'.repeat(100_000), size: 10, isDeflated: true }, index]),
    truncated: rawZip([index], { entryCount: 2 }),
    text: Buffer.from('no zip')
  }
  for (const [name, bytes] of Object.entries(files)) {
    fs.writeFileSync(path.join(root, name), bytes)
    await readZipMembers(root, name, isJson, LIMIT)
  }
  t.ok(await allClosedBelow(root))
})

t.test('a file outside, or a missing one, is refused', async (t) => {
  const root = fs.realpathSync(t.testdir())
  fs.symlinkSync('/etc/hosts', path.join(root, 'link.zip'))
  await t.rejects(readZipMembers(root, 'link.zip', isJson, LIMIT), UnsafePathError)
  await t.rejects(readZipMembers(root, 'absent.zip', isJson, LIMIT), { code: 'ENOENT' })
})

// These tests are last: a failure here is thrown outside any promise.
t.test('ZIP64 records at an impossible offset have no result', async (t) => {
  t.same(await membersOf(t, rawZip([index], { zip64: { endOffset: (1n << 64n) - 1n } })), {})
})

t.test('a member at an impossible offset has no result', async (t) => {
  t.same(await membersOf(t, rawZip([{ ...index, offset: 0xffffffff, zip64: [(1n << 64n) - 1n] }])), {})
})
