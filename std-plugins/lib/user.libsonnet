// What operations get of the user's environment, which they see nothing of otherwise: where tools keep their settings
// and what they have fetched, and how they reach the network. Knows no language.
local paths = import 'wake/paths.libsonnet';

local networkNames =
  std.flatMap(
    function(name)[name, std.asciiUpper(name)],
    ['all_proxy', 'http_proxy', 'https_proxy', 'no_proxy']
  ) + ['SSL_CERT_DIR', 'SSL_CERT_FILE'];

{
  // A variable as text in which tokens are expanded; null if it is not set, or empty.
  variable(wake, name)::
    local value = wake.env(name);
    if value == null || value == '' then null else paths.literal(value),

  // Those of the variables that are set: { NAME: value }.
  variables(wake, names):: {
    [name]: $.variable(wake, name)
    for name in names
    if $.variable(wake, name) != null
  },

  // How programs reach the network.
  network(wake):: $.variables(wake, networkNames),

  // The directory that a variable names, or else the one below the user's home; null if there is neither.
  directory(wake, name, belowHome)::
    local home = $.variable(wake, 'HOME');
    local value = $.variable(wake, name);
    if value != null then value
    else if home != null then home + '/' + belowHome
    else null,
}
