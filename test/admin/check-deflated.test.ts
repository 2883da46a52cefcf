import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { deflatedName } from '../../src/files/deflated-files.ts'
import { consult, makePlace } from './place.ts'

const FORMS = ['a', 'b', 'c'].map((letter) => ({ sha256: letter.repeat(64), deflated: { size: 5, crc32: 0xabcdef } }))

t.test('a deflated form that is missing or has another size is found', async (t) => {
  const place = await makePlace(t)
  const names = FORMS.map(deflatedName)
  fs.mkdirSync(place.deflatedDirectory, { recursive: true })
  for (const [index, content] of ['12345', '1234'].entries())
    fs.writeFileSync(path.join(place.deflatedDirectory, names[index] ?? ''), content)
  await place.change(async (db) => {
    const rows = FORMS.map(({ sha256, deflated }) => ({
      sha256,
      deflated_size: deflated.size,
      deflated_crc32: deflated.crc32
    }))
    await db.insertInto('deflation').values(rows).execute()
    const stored = { sha256: 'd'.repeat(64), deflated_size: null, deflated_crc32: null }
    await db.insertInto('deflation').values(stored).execute()
  })
  const { lines, code } = await consult(place)
  t.same(lines.slice(0, -1), [
    `cache: ${names[1]} has 4 bytes, and should have 5; without it, the next scan makes it anew.`,
    `cache: ${names[2]} is not there; the next scan makes it anew.`
  ])
  t.equal(code, 1)
})
