import t from 'tap'
import { decodeText } from '../../../src/metadata/decode-text.ts'

const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><a>Gerät €</a>`
const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16()
const BROKEN = { name: 'MetadataError', code: 'broken-metadata' }

t.test('text without a mark or a declaration is UTF-8', async (t) => {
  t.equal(decodeText(Buffer.from('<a>Gerät €</a>')), '<a>Gerät €</a>')
  t.equal(decodeText(Buffer.from('')), '')
})

t.test('a byte order mark tells the encoding and is no part of the text', async (t) => {
  const text = '<a>Gerät € \u{1f600}</a>'
  t.equal(decodeText(Buffer.from(`\ufeff${text}`)), text)
  t.equal(decodeText(Buffer.from(`\ufeff${text}`, 'utf16le')), text)
  t.equal(decodeText(swapped(`\ufeff${text}`)), text)
})

t.test('a byte order mark counts more than the declaration', async (t) => {
  for (const encoding of ['ISO-8859-1', 'windows-1252', 'UTF-16', 'UTF-8', 'no-such-encoding']) {
    const text = declared(encoding)
    t.equal(decodeText(Buffer.from(`\ufeff${text}`)), text, encoding)
    t.equal(decodeText(Buffer.from(`\ufeff${text}`, 'utf16le')), text, encoding)
    t.equal(decodeText(swapped(`\ufeff${text}`)), text, encoding)
  }
})

t.test('UTF-16 without a mark shows in the zero byte beside the first <', async (t) => {
  const text = declared('UTF-16')
  t.equal(decodeText(Buffer.from(text, 'utf16le')), text)
  t.equal(decodeText(swapped(text)), text)
})

t.test('the XML declaration tells the encoding', async (t) => {
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

t.test('what only looks like a declaration says nothing', async (t) => {
  for (const text of ['<a encoding="ISO-8859-1">é</a>', ' <?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>']) {
    t.equal(decodeText(Buffer.from(text)), text)
  }
})

t.test('bytes that do not fit the encoding are broken metadata', async (t) => {
  t.throws(() => decodeText(Buffer.of(0x3c, 0xff, 0xfe)), { ...BROKEN, message: /utf-8/ })
  t.throws(() => decodeText(Buffer.from(declared('UTF-8'), 'latin1')), BROKEN)
  t.throws(() => decodeText(Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('abc')])), {
    ...BROKEN,
    message: /utf-16le/
  })
  t.throws(() => decodeText(Buffer.of(0xff, 0xfe, 0x00, 0xd8)), BROKEN)
})

t.test('an encoding that is not known is broken metadata that names it', async (t) => {
  t.throws(() => decodeText(Buffer.from(declared('EBCDIC-X'))), { ...BROKEN, message: /ebcdic-x/ })
  t.throws(() => decodeText(Buffer.from(declared('UTF-7'))), { ...BROKEN, message: /utf-7/ })
})

t.test('a view into a larger buffer is read, not what lies around it', async (t) => {
  const around = Buffer.from(`é<?xml version="1.0" encoding="ISO-8859-1"?>é`, 'latin1')
  t.equal(decodeText(around.subarray(1)), `<?xml version="1.0" encoding="ISO-8859-1"?>é`)
  t.equal(decodeText(new Uint8Array(around.subarray(1, 6))), '<?xml')
})
