import t from 'tap'
import { isFixid } from '../../../src/metadata/fixid.ts'

t.test('a fixid is any text that can be the base name of a file', async (t) => {
  for (const text of [
    'lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch',
    'DoNotUpdate_SERVER_01CV832, 01CV842',
    'a',
    'gerät',
    'a'.repeat(255),
    'ä'.repeat(127)
  ]) {
    t.ok(isFixid(text), text)
  }
})

t.test('a text that cannot be the name of a file is no fixid', async (t) => {
  for (const text of [
    '',
    'a/b',
    '../a',
    'a\\b',
    'a\0',
    'a\nb',
    'a\u0085',
    'a'.repeat(256),
    'ä'.repeat(128),
    'a\ud800'
  ]) {
    t.notOk(isFixid(text), JSON.stringify(text))
  }
})
