import t from 'tap'
import { decodeText } from '../../../src/metadata/decode-text.ts'

const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><a>Gerät €</a>`
const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16()
const BROKEN = { name: 'MetadataError', code: 'broken-metadata' }

t.test('text without a byte order mark or a declaration is UTF-8', async (t) => {
  t.equal(decodeText(Buffer.from('<a>Gerät €</a>')), '<a>Gerät €</a>')
  t.equal(decodeText(Buffer.from('')), '')
})

t.test('a byte order mark determines the encoding, and is removed from the text', async (t) => {
  const text = '<a>Gerät € \u{1f600}</a>'
  t.equal(decodeText(Buffer.from(`\ufeff${text}`)), text)
  t.equal(decodeText(Buffer.from(`\ufeff${text}`, 'utf16le')), text)
  t.equal(decodeText(swapped(`\ufeff${text}`)), text)
})

t.test('a byte order mark takes precedence over the declaration', async (t) => {
  for (const encoding of ['ISO-8859-1', 'windows-1252', 'UTF-16', 'UTF-8', 'no-such-encoding']) {
    const text = declared(encoding)
    t.equal(decodeText(Buffer.from(`\ufeff${text}`)), text, encoding)
    t.equal(decodeText(Buffer.from(`\ufeff${text}`, 'utf16le')), text, encoding)
    t.equal(decodeText(swapped(`\ufeff${text}`)), text, encoding)
  }
})

t.test('UTF-16 without a byte order mark is detected by the zero byte next to the first <', async (t) => {
  const text = declared('UTF-16')
  t.equal(decodeText(Buffer.from(text, 'utf16le')), text)
  t.equal(decodeText(swapped(text)), text)
})

t.test('the XML declaration determines the encoding', async (t) => {
  for (const head of [
    `<?xml version="1.0" encoding="ISO-8859-1"?>`,
    `<?xml version='1.0' encoding='iso-8859-1' standalone='yes'?>`,
    `<?xml version="1.0"\r\n  encoding = "Windows-1252" ?>`
  ]) {
    t.equal(decodeText(Buffer.from(`${head}<a>Gerät</a>`, 'latin1')), `${head}<a>Gerät</a>`)
  }
  const japanese = Buffer.concat([Buffer.from('<?xml version="1.0" encoding="Shift_JIS"?>'), Buffer.of(0x93, 0xfa)])
  t.equal(decodeText(japanese).at(-1), '日')
})

t.test('a text that only resembles a declaration is ignored', async (t) => {
  for (const text of ['<a encoding="ISO-8859-1">é</a>', ' <?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>']) {
    t.equal(decodeText(Buffer.from(text)), text)
  }
})

t.test('bytes that are invalid in the encoding are broken metadata', async (t) => {
  t.throws(() => decodeText(Buffer.of(0x3c, 0xff, 0xfe)), { ...BROKEN, message: /utf-8/ })
  t.throws(() => decodeText(Buffer.from(declared('UTF-8'), 'latin1')), BROKEN)
  t.throws(() => decodeText(Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('abc')])), {
    ...BROKEN,
    message: /utf-16le/
  })
  t.throws(() => decodeText(Buffer.of(0xff, 0xfe, 0x00, 0xd8)), BROKEN)
})

t.test('an unknown encoding is broken metadata, and the reason names it', async (t) => {
  t.throws(() => decodeText(Buffer.from(declared('EBCDIC-X'))), { ...BROKEN, message: /ebcdic-x/ })
  t.throws(() => decodeText(Buffer.from(declared('UTF-7'))), { ...BROKEN, message: /utf-7/ })
})

t.test('only the bytes of a view into a larger buffer are read', async (t) => {
  const around = Buffer.from(`é<?xml version="1.0" encoding="ISO-8859-1"?>é`, 'latin1')
  t.equal(decodeText(around.subarray(1)), `<?xml version="1.0" encoding="ISO-8859-1"?>é`)
  t.equal(decodeText(new Uint8Array(around.subarray(1, 6))), '<?xml')
})
