"""Words of the sample: towns, comments and English category names. All written for it.

The category names are those of the published aggregates. Their English is our own translation and
no comment is one of a real customer.
"""

from __future__ import annotations

import itertools

TOWN_FIRST = (
    "santa", "sao", "nova", "boa", "monte", "campo", "porto", "ribeirao", "lagoa", "serra",
    "ponte", "barra", "alto", "vila", "pedra", "bom jardim", "morro", "passo", "rio", "cachoeira",
)  # fmt: skip
TOWN_SECOND = (
    "esperanca", "verde", "alegre", "do sul", "do norte", "da serra", "grande", "bonito", "azul",
    "das flores", "do oeste", "dourado", "branco", "real", "velho", "do campo",
    "d'agua", "dos pinhais", "do prado", "das pedras", "sereno", "claro", "do vale", "da barra",
)  # fmt: skip
TOWN_LAST = ("", " de minas", " paulista", " do para", " mirim", " novo", " de cima", " de baixo")

ACCENTED_CITIES = {
    "sao paulo": "são paulo",
    "brasilia": "brasília",
    "goiania": "goiânia",
    "belem": "belém",
    "sao luis": "são luís",
    "maceio": "maceió",
    "florianopolis": "florianópolis",
    "niteroi": "niterói",
    "ribeirao preto": "ribeirão preto",
    "sao jose dos campos": "são josé dos campos",
    "santo andre": "santo andré",
    "sao goncalo": "são gonçalo",
    "cuiaba": "cuiabá",
    "vitoria": "vitória",
    "uberlandia": "uberlândia",
    "joao pessoa": "joão pessoa",
}

TITLES = (
    ("Não recomendo", "Péssimo", "Não recebi", "Produto errado", "Decepção", "Atraso"),
    ("Ruim", "Esperava mais", "Veio incompleto", "Demorou muito", "Regular"),
    ("Razoável", "Mais ou menos", "Ok", "Poderia ser melhor", "Regular"),
    ("Bom", "Gostei", "Bom produto", "Recomendo", "Muito bom", "4 estrelas"),
    (
        "Recomendo",
        "Ótimo",
        "Excelente",
        "Super recomendo",
        "Muito bom",
        "Perfeito",
        "Nota 10",
        "10",
    ),
)
"""Titles by score, 1 to 5."""

_OPENINGS = (
    (
        "Ainda não recebi o produto",
        "Recebi o produto errado",
        "Comprei duas peças e veio só uma",
        "O produto veio com defeito",
        "Paguei e não entregaram",
        "Veio quebrado, sem nota fiscal",
        "Muito ruim",
    ),
    (
        "A entrega demorou bastante",
        "O produto não é igual ao da foto",
        "Qualidade abaixo do esperado",
        "Faltou uma parte do pedido",
        "A caixa chegou amassada",
    ),
    (
        "O produto é razoável",
        "Chegou depois do prazo, mas chegou",
        "Achei o material simples",
        "Atende, mas o acabamento é fraco",
        "A cor é um pouco diferente",
    ),
    (
        "Bom produto",
        "Gostei da compra",
        "Entrega dentro do prazo",
        "Veio bem embalado",
        "Atendeu ao que eu precisava",
    ),
    (
        "Produto excelente",
        "Chegou antes do prazo",
        "Adorei, superou a expectativa",
        "Entrega rápida e produto de qualidade",
        "Tudo certo, como no anúncio",
        "Muito satisfeita com a compra",
        "Amei",
    ),
)
_MIDDLES = (
    (
        ", e ninguém responde aos meus e-mails",
        "; quero meu dinheiro de volta",
        ". Já reclamei três vezes",
        "",
    ),
    (", fiquei decepcionado", ', e o "suporte" não ajudou', ". Vou pedir a troca", ""),
    (", mas dá para usar", ", pelo preço está bom", ", esperava um pouco mais", ""),
    (", recomendo", ", só o frete é caro", ". Faltou o manual, mas funciona", ""),
    (", recomendo a loja", ", nota 10", ", comprarei de novo", '! Obrigado, "loja"', ""),
)
_CLOSINGS = (
    (".", "!!", ".{break}Aguardo retorno.", ".{break}{break}Não compro mais.", "..."),
    (".", ".{break}Espero solução.", "...", "!"),
    (".", ".{break}Obrigado.", "...", " ok"),
    (".", "!", ".{break}Valeu!", " :)", ""),
    (".", "!", "!!!", ".{break}Parabéns pelo atendimento!", ".{break}{break}Abraços", " ;-)", ""),
)


def messages(score: int) -> list[str]:
    """Return the comments of a score: commas, quotes and line breaks included.

    Parameters
    ----------
    score : int
        1 to 5.

    Returns
    -------
    list of str
        About one in eleven has a line break; Windows and Unix breaks alternate, as in the real set.
    """
    breaks = itertools.cycle(("\r\n", "\n"))
    plain, broken = [], []
    for parts in itertools.product(_OPENINGS[score - 1], _MIDDLES[score - 1], _CLOSINGS[score - 1]):
        text = "".join(parts)
        if "{break}" in text:
            broken.append(text.replace("{break}", next(breaks)))
        else:
            plain.append(text)
    repeats = -(-10 * len(broken) // len(plain))
    return plain * repeats + broken


ENGLISH_CATEGORIES = {
    "agro_industria_e_comercio": "agriculture_industry_and_trade",
    "alimentos": "food",
    "alimentos_bebidas": "food_and_drinks",
    "artes": "art",
    "artes_e_artesanato": "arts_and_crafts",
    "artigos_de_festas": "party_supplies",
    "artigos_de_natal": "christmas_goods",
    "audio": "audio",
    "automotivo": "automotive",
    "bebes": "babies",
    "bebidas": "drinks",
    "beleza_saude": "beauty_and_health",
    "brinquedos": "toys",
    "cama_mesa_banho": "bed_table_bath",
    "casa_conforto": "home_comfort",
    "casa_conforto_2": "home_comfort_2",
    "casa_construcao": "home_building",
    "cds_dvds_musicais": "music_cds_and_dvds",
    "cine_foto": "cinema_and_photo",
    "climatizacao": "air_conditioning",
    "consoles_games": "consoles_and_games",
    "construcao_ferramentas_construcao": "building_tools_building",
    "construcao_ferramentas_ferramentas": "building_tools_tools",
    "construcao_ferramentas_iluminacao": "building_tools_lighting",
    "construcao_ferramentas_jardim": "building_tools_garden",
    "construcao_ferramentas_seguranca": "building_tools_safety",
    "cool_stuff": "cool_things",
    "dvds_blu_ray": "dvds_and_blu_ray",
    "eletrodomesticos": "household_appliances",
    "eletrodomesticos_2": "household_appliances_2",
    "eletronicos": "electronics_goods",
    "eletroportateis": "portable_appliances",
    "esporte_lazer": "sport_and_leisure",
    "fashion_bolsas_e_acessorios": "fashion_bags_and_accessories",
    "fashion_calcados": "fashion_footwear",
    "fashion_esporte": "fashion_sports",
    "fashion_roupa_feminina": "fashion_womens_clothing",
    "fashion_roupa_infanto_juvenil": "fashion_childrens_clothing",
    "fashion_roupa_masculina": "fashion_mens_clothing",
    "fashion_underwear_e_moda_praia": "fashion_underwear_and_beachwear",
    "ferramentas_jardim": "tools_and_garden",
    "flores": "flower_shop",
    "fraldas_higiene": "nappies_and_hygiene",
    "industria_comercio_e_negocios": "industry_trade_and_business",
    "informatica_acessorios": "computing_accessories",
    "instrumentos_musicais": "instruments_of_music",
    "la_cuisine": "fine_cooking",
    "livros_importados": "imported_books",
    "livros_interesse_geral": "general_interest_books",
    "livros_tecnicos": "technical_books",
    "malas_acessorios": "luggage_and_accessories",
    "market_place": "marketplace",
    "moveis_colchao_e_estofado": "furniture_mattress_and_upholstery",
    "moveis_cozinha_area_de_servico_jantar_e_jardim": "furniture_kitchen_laundry_dining_garden",
    "moveis_decoracao": "furniture_and_decoration",
    "moveis_escritorio": "furniture_for_offices",
    "moveis_quarto": "furniture_for_bedrooms",
    "moveis_sala": "furniture_for_living_rooms",
    "musica": "music_goods",
    "papelaria": "paper_and_stationery",
    "pcs": "personal_computers",
    "perfumaria": "perfumes",
    "pet_shop": "pets",
    "portateis_casa_forno_e_cafe": "small_appliances_oven_and_coffee",
    "relogios_presentes": "watches_and_gifts",
    "seguros_e_servicos": "insurance_and_services",
    "sinalizacao_e_seguranca": "signs_and_safety",
    "tablets_impressao_imagem": "tablets_printing_and_imaging",
    "telefonia": "telephones",
    "telefonia_fixa": "landline_telephones",
    "utilidades_domesticas": "household_goods",
}
"""71 of the 73 categories: ``pc_gamer`` and one of the kitchens have none, as in the real set."""
