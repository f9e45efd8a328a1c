package embedpg

// UsualPlaces are for the comparison with the installing script, which has to look in the same places.
var UsualPlaces = usualPlaces
