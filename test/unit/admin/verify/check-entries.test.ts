import { crc32 } from 'node:zlib'
import t from 'tap'
import { checkEntries } from '../../../../src/admin/verify/check-entries.ts'
import type { PlanEntry } from '../../../../src/core/export/plan.ts'

const HEAD = 7
const CONTENTS = ['first', '', 'the third one', 'last'].map((text) => Buffer.from(text))
const ARCHIVE = Buffer.concat([
  ...CONTENTS.map((content) => Buffer.concat([Buffer.alloc(HEAD), content])),
  Buffer.alloc(30)
])
const END = ARCHIVE.length - 30

async function* pages(): AsyncGenerator<PlanEntry[]> {
  let offset = 0
  for (const [position, content] of CONTENTS.entries()) {
    const { length: size } = content
    const entry = { position, path: `file ${position}`, sha256: '', modifiedAt: 0, offset, fixid: 'a', packagesDone: 0 }
    yield [{ ...entry, size, crc32: crc32(content) }]
    offset += HEAD + size
  }
}

async function check(archive: Buffer, step: number): Promise<string | undefined> {
  const entries = checkEntries(pages(), END)
  for (let at = 0; at < archive.length; at += step) await entries.take(archive.subarray(at, at + step))
  return entries.difference()
}

t.test('an archive whose files have their CRC-32 is sound, for any size of the blocks', async (t) => {
  for (const step of [1, 2, 3, 5, 8, 13, ARCHIVE.length]) t.equal(await check(ARCHIVE, step), undefined)
})

t.test('the first file with a changed byte is named', async (t) => {
  for (const [name, offset] of [
    ['file 0', HEAD],
    ['file 2', 3 * HEAD + 5],
    ['file 3', END - 1]
  ] as const) {
    const damaged = Buffer.from(ARCHIVE)
    damaged[offset] = (damaged[offset] ?? 0) ^ 1
    for (const step of [1, 4, ARCHIVE.length])
      t.equal(await check(damaged, step), `The content of ${name} differs from the plan.`)
  }
})

t.test('without entries nothing is compared', async (t) => {
  const entries = checkEntries((async function* () {})(), END)
  await entries.take(ARCHIVE)
  t.equal(entries.difference(), undefined)
})
