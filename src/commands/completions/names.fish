
for name in show set rename remove uninstall rm convert check pull
	complete -c jupyter-docker-spec -n "__fish_jupyter_docker_spec_using_subcommand $name" -f -a "(jupyter-docker-spec list --json 2> /dev/null | string match --regex --groups-only '^ *\"name\": \"([^\"]*)\",\$')"
end
