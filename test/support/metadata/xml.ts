/** Builds classic metadata from its parts, as text. */

export function instance(...parts: readonly string[]): string {
  return `<INSTANCE CLASSNAME="Test_Package">${parts.join('')}</INSTANCE>`
}

export function property(name: string, value: string): string {
  return `<PROPERTY NAME="${name}" TYPE="string"><VALUE>${value}</VALUE></PROPERTY>`
}

export function array(name: string, ...values: readonly string[]): string {
  const items = values.map((value) => `<VALUE>${value}</VALUE>`).join('')
  return `<PROPERTY.ARRAY NAME="${name}" TYPE="string"><VALUE.ARRAY>${items}</VALUE.ARRAY></PROPERTY.ARRAY>`
}
