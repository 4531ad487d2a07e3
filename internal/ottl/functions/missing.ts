/** Functions of upstream that are not here, and why: a statement that uses one is refused with it. */
export const missing: Readonly<Record<string, string>> = {
  CommunityID: 'flow hashes are not implemented',
  ConvertAttributesToElementsXML: 'XML is not implemented',
  ConvertTextToElementsXML: 'XML is not implemented',
  ExtractGrokPatterns: 'grok patterns are not implemented; use ExtractPatterns',
  GetXML: 'XML is not implemented',
  InsertXML: 'XML is not implemented',
  ParseSimplifiedXML: 'XML is not implemented',
  ParseXML: 'XML is not implemented',
  RemoveXML: 'XML is not implemented',
  ProfileID: 'profiles are not implemented',
  UserAgent: 'user agents are not parsed',
  XXH3: 'this hash is not implemented; use FNV or SHA256',
  XXH128: 'this hash is not implemented; use FNV or SHA256',
};
