import t from 'tap'
import { attachmentOf } from '../../../../src/http/transfer/content-disposition.ts'

t.test('a plain name is quoted', async (t) => {
  for (const name of [
    'a.uxz',
    'lnvgy_fw_uefi_ive164o-3.10_anyos_32-64.uxz',
    'with space; and (more).txt',
    "it's.txt"
  ]) {
    t.equal(attachmentOf(name), `attachment; filename="${name}"`)
  }
})

t.test('any other name is encoded, with a fallback for older clients', async (t) => {
  for (const [name, plain, encoded] of [
    ['Gerät.txt', 'Ger_t.txt', 'Ger%C3%A4t.txt'],
    ['字.txt', '_.txt', '%E5%AD%97.txt'],
    ['😀.txt', '_.txt', '%F0%9F%98%80.txt'],
    ['a"b.txt', 'a_b.txt', 'a%22b.txt'],
    ['100%41.txt', '100_41.txt', '100%2541.txt'],
    ["ä'(1)*.txt", "_'(1)*.txt", '%C3%A4%27%281%29%2A.txt'],
    ['a\\b', 'a_b', 'a%5Cb'],
    ['a\r\nb', 'a__b', 'a%0D%0Ab']
  ] as const) {
    t.equal(attachmentOf(name), `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`)
    t.equal(decodeURIComponent(encoded), name)
  }
})
