/** The files of tiny packages, by name: only what the catalog needs. */

export interface TinyPackage {
  readonly fixid: string
  readonly category?: string
  readonly build?: string
  readonly version?: string
  /** In the form of the metadata, such as `ThinkSystem SR650 [7X05]`. */
  readonly machines?: readonly string[]
  /** Content of the payload; undefined: the payload is not downloaded. */
  readonly payload?: string | Buffer | undefined
  readonly preReq?: readonly string[]
  readonly supersedes?: readonly string[]
  /** Makes it a system pack. */
  readonly members?: readonly string[]
}

export type Files = Record<string, string | Buffer>

export function packageFiles(item: TinyPackage): Files {
  const { fixid, payload } = item
  return {
    [`${fixid}.xml`]: packageXml(item),
    [`${fixid}.txt`]: `Readme of ${fixid}\n`,
    [`${fixid}.chg`]: `Changes of ${fixid}\n`,
    ...(payload === undefined ? {} : { [`${fixid}.uxz`]: payload })
  }
}

function packageXml(item: TinyPackage): string {
  const { fixid, category = 'UEFI', build = '', version = '1.00', members = [] } = item
  const isPack = members.length > 0
  return `<?xml version="1.0" encoding="UTF-8"?>
<INSTANCE CLASSNAME="Test_Package">
${property('fixid', fixid)}
${property('name', `Name of ${fixid}`)}
${property('description', `Says "<${fixid}>" & more`)}
${property('category', isPack ? 'UXSP' : category)}
${property('updateType', isPack ? 'uxsp' : 'firmware')}
${property('Version', `${build} ${version}`.trim())}
${property('buildNumber', build)}
${property('severity', 'Suggested')}
${property('releaseDate', '2026-01-05')}
${property('rebootRequired', 'yes')}
${isPack ? '' : property('payload', `${fixid}.uxz`)}
${list('applicableMachineTypes', item.machines ?? ['ThinkSystem SR650 [7X05]'])}
${list('preReq', item.preReq ?? [])}
${list('supersedes', item.supersedes ?? [])}
${list('includedFixIds', members)}
</INSTANCE>
`
}

function property(name: string, value: string): string {
  return `<PROPERTY NAME="${name}" TYPE="string"><VALUE>${escapeXml(value)}</VALUE></PROPERTY>`
}

function list(name: string, values: readonly string[]): string {
  const items = values.map((value) => `<VALUE>${escapeXml(value)}</VALUE>`).join('')
  return `<PROPERTY.ARRAY NAME="${name}" TYPE="string"><VALUE.ARRAY>${items}</VALUE.ARRAY></PROPERTY.ARRAY>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

export const UEFI = 'lnvgy_fw_uefi_ive164o-3.10_anyos_32-64'
export const OLD_UEFI = 'lnvgy_fw_uefi_ive160m-3.00_anyos_32-64'
export const XCC = 'lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch'
export const NIC = 'intc-lnvgy_fw_nic_4.00-1.1937.0-ta_anyos_noarch'
export const PACK = 'lnvgy_utl_uxsp_a3sp27a-1.00_anyos_32-64'
export const ABSENT = 'lnvgy_fw_cpld_abs100a-1.00_anyos_noarch'

const SR650 = 'Lenovo ThinkSystem SR650 Server [7X05,7X06]'
const SR630 = 'Lenovo ThinkSystem SR630 Server [7X01]'

/** Two versions of one firmware, a prerequisite, a package without payload, and a system pack that lacks a member. */
export function smallRepository(): Files {
  const packages: TinyPackage[] = [
    { fixid: UEFI, build: 'IVE164O', version: '3.10', machines: [SR650], payload: 'new uefi', preReq: [XCC] },
    { fixid: OLD_UEFI, build: 'IVE160M', version: '3.00', machines: [SR650], payload: 'uefi' },
    { fixid: XCC, category: 'XCC', build: 'CDI340V', version: '3.08', machines: [SR650, SR630], payload: 'an xcc' },
    { fixid: NIC, category: 'Network', version: '4.00', machines: [SR630] },
    {
      fixid: PACK,
      build: 'A3SP27A',
      members: [UEFI, XCC, ABSENT],
      machines: ['Lenovo ThinkSystem SR650 Server [7X05]']
    }
  ]
  return Object.assign({}, ...packages.map(packageFiles))
}
